package org.clipc.runtime.collective.local;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.RankBody;
import org.jspecify.annotations.Nullable;

/** Runs a world of ranks, each on a thread of its own. */
public final class LocalRanks {

    private LocalRanks() {}

    /** The ends of a new world, for one thread each. */
    public static List<Collectives> open(int size, CollectiveOptions options) {
        if (size < 1) {
            throw new IllegalArgumentException("a world needs at least 1 rank, not " + size);
        }
        var world = new LocalWorld(size, options);
        var ends = new ArrayList<Collectives>(size);
        for (var rank = 0; rank < size; rank++) {
            ends.add(new LocalCollectives(world, rank));
        }
        return ends;
    }

    /**
     * Runs {@code body} on every rank of a new world and returns when all have ended. If one throws, the others'
     * collectives fail at once. If this thread is interrupted, all ranks are stopped by the same way.
     *
     * @throws E what a rank threw for a reason of its own, rather than for another's; the others' are suppressed in it
     * @throws InterruptedException if this thread was interrupted, once all ranks have ended
     */
    public static <E extends Exception> void run(int size, CollectiveOptions options, RankBody<E> body)
            throws E, InterruptedException {
        var threads = new ArrayList<RankThread>(size);
        for (var end : open(size, options)) {
            threads.add(new RankThread(end, body));
        }
        threads.forEach(Thread::start);
        var interrupted = false;
        for (var thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                    threads.forEach(t -> t.ranks.abort("it was interrupted"));
                    threads.forEach(Thread::interrupt);
                }
            }
        }
        if (interrupted) {
            throw new InterruptedException("the ranks were interrupted");
        }
        rethrow(threads);
    }

    /** The first rank's failure that is not about another's. */
    @SuppressWarnings("unchecked") // a body throws nothing checked but E and InterruptedException
    private static <E extends Exception> void rethrow(List<RankThread> threads) throws E, InterruptedException {
        var failures = new ArrayDeque<Throwable>();
        for (var thread : threads) {
            switch (thread.failure) {
                case null -> {}
                case CollectiveException e -> failures.addLast(e);
                case Throwable e -> failures.addFirst(e);
            }
        }
        if (failures.isEmpty()) {
            return;
        }
        var first = failures.removeFirst();
        failures.forEach(first::addSuppressed);
        switch (first) {
            case Error e -> throw e;
            case InterruptedException e -> throw e;
            default -> throw (E) first;
        }
    }

    private static final class RankThread extends Thread {

        private final Collectives ranks;
        private final RankBody<?> body;
        private @Nullable Throwable failure;

        RankThread(Collectives ranks, RankBody<?> body) {
            super("rank-" + ranks.rank());
            this.ranks = ranks;
            this.body = body;
        }

        @Override
        @SuppressWarnings("CatchingUnchecked") // handed to the caller, whatever it is
        public void run() {
            try (ranks) {
                runBody();
            }
        }

        private void runBody() {
            try {
                body.run(ranks);
            } catch (Throwable e) {
                failure = e;
                ranks.abort("it failed with " + e);
            }
        }
    }
}
