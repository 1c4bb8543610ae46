package org.clipc.runtime.collective.nccl;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.rendezvous.Rendezvous;
import org.clipc.runtime.collective.rendezvous.RendezvousServer;

/** Ranks that are threads with a device in memory each, which find each other over TCP, as processes with GPUs do. */
public final class MemoryRanks {

    private static final Duration JOINING = Duration.ofSeconds(30);

    private MemoryRanks() {}

    /** What a rank throws that has died. */
    public static final class Death extends Error {
        private static final long serialVersionUID = 1L;
    }

    /**
     * A rank.
     *
     * @param line to the others
     */
    public record Rank(Collectives ends, MemoryNccl nccl, Line line) {

        /** Says no more to the others, as a process that is killed. */
        public Death die() {
            try {
                line.close();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
            return new Death();
        }
    }

    /** What a rank does. */
    @FunctionalInterface
    public interface Body {
        void run(Rank rank) throws Exception;
    }

    /** Does {@code body} on all ranks. What each threw, by rank: {@link Optional#empty} of one that did not. */
    public static List<Optional<Throwable>> run(int size, CollectiveOptions options, Body body) throws IOException {
        var network = new MemoryNccl.Network();
        var thrown = new ConcurrentHashMap<Integer, Throwable>();
        var server = RendezvousServer.open(0, size, JOINING);
        var threads = new ArrayList<Thread>();
        for (var i = 0; i < size; i++) {
            var rank = i;
            var line = new Line(server.port());
            threads.add(Thread.ofPlatform().start(() -> {
                var own = rank == 0 ? server : null;
                var port = rank == 0 ? server.port() : line.port();
                var rendezvous = Rendezvous.join(rank, size, List.of("localhost"), port, JOINING, own);
                var nccl = new MemoryNccl(network);
                try (var ends = NcclCollectives.open(nccl, rank, size, options, rendezvous)) {
                    run(new Rank(ends, nccl, line), body, thrown);
                }
            }));
        }
        threads.forEach(MemoryRanks::join);
        return IntStream.range(0, size)
                .mapToObj(rank -> Optional.ofNullable(thrown.get(rank)))
                .toList();
    }

    @SuppressWarnings("CatchingUnchecked") // handed to the caller, whatever it is
    private static void run(Rank rank, Body body, Map<Integer, Throwable> thrown) {
        try {
            body.run(rank);
        } catch (Death e) {
            thrown.put(rank.ends().rank(), e);
        } catch (Throwable e) {
            thrown.put(rank.ends().rank(), e);
            rank.ends().abort("it failed with " + e);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
