package org.clipc.runtime.device.cuda;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.Failure;
import org.clipc.runtime.collective.StreamGroup;
import org.clipc.runtime.device.MeshRank;
import org.jspecify.annotations.Nullable;

/**
 * Watches a rank's exchanges while they run on its device. What waits there for a rank that is gone waits for ever, and the
 * thread that waits for the device with it; so another looks, every now and then, whether it is in vain, and ends it.
 */
final class ExchangeWatch implements AutoCloseable {

    private static final long LOOK_MILLIS = 20;

    private final MeshRank rank;
    private final ScheduledExecutorService looks;

    ExchangeWatch(MeshRank rank) {
        this.rank = rank;
        this.looks = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name("clipc-watch-" + rank.rank()).factory());
    }

    /**
     * Does {@code work}, which returns when all that it has started is done.
     *
     * @param entry name of the entry point
     * @param exchanges all that it may start
     * @throws CollectiveException if it waited in vain
     */
    void run(Cuda cuda, String entry, List<CudaExchange> exchanges, Runnable work) {
        if (exchanges.isEmpty()) {
            work.run();
            return;
        }
        var run = new Run(cuda, entry, exchanges);
        var looking = looks.scheduleWithFixedDelay(run::look, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            throw run.ended(e);
        } finally {
            looking.cancel(false);
            run.end();
        }
        run.requireSuccess();
    }

    /** One run of an entry point. All methods hold its lock, so that none looks behind its end. */
    private final class Run {

        private final Cuda cuda;
        private final String entry;
        private final List<CudaExchange> exchanges;
        private final Set<StreamGroup> groups = new LinkedHashSet<>();
        private final Thread runner = Thread.currentThread();
        private boolean isOver;
        private @Nullable CollectiveException failure;

        Run(Cuda cuda, String entry, List<CudaExchange> exchanges) {
            this.cuda = cuda;
            this.entry = entry;
            this.exchanges = exchanges;
            exchanges.forEach(exchange -> groups.add(exchange.group()));
            cuda.resetTold();
            groups.forEach(StreamGroup::beginRun);
        }

        synchronized void look() {
            if (isOver || failure != null) {
                return;
            }
            if (runner.isInterrupted()) {
                rank.abort("it was interrupted");
            }
            for (var group : groups) {
                var found =
                        group.failure(underWay(group).map(CudaExchange::waiting).orElse(null));
                if (found != null) {
                    failure = stopped(found);
                    groups.forEach(StreamGroup::abort);
                    return;
                }
            }
        }

        private Optional<CudaExchange> underWay(StreamGroup group) {
            return exchanges.stream()
                    .filter(e -> e.group().equals(group) && cuda.told(e.lane()) == e.underWay())
                    .findFirst();
        }

        /** Names an exchange that the device was in, if it was in one. */
        private CollectiveException stopped(Failure reason) {
            var where = groups.stream()
                    .flatMap(group -> underWay(group).stream())
                    .map(e -> e.waiting().what() + " in the group of ranks "
                            + e.group().ranks())
                    .findFirst()
                    .orElse("entry point '" + entry + "'");
            return new CollectiveException(where + " failed: " + reason.reason(), reason.ranks());
        }

        synchronized void end() {
            isOver = true;
        }

        synchronized void requireSuccess() {
            if (failure != null) {
                throw failure;
            }
        }

        /**
         * What to throw where the work threw something. If no rank has failed, this one has: the others would wait for it,
         * and its device for them.
         */
        synchronized RuntimeException ended(Throwable thrown) {
            look();
            if (failure == null) {
                rank.abort("it failed with " + thrown);
                groups.forEach(StreamGroup::abort);
                return switch (thrown) {
                    case RuntimeException e -> e;
                    default -> throw (Error) thrown;
                };
            }
            failure.addSuppressed(thrown);
            return failure;
        }
    }

    @Override
    public void close() {
        looks.shutdown();
    }
}
