package org.clipc.runtime.collective.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.CollectivesConformance;
import org.clipc.runtime.collective.Reduction;
import org.clipc.runtime.collective.Scenario;
import org.clipc.runtime.collective.rendezvous.Rendezvous;
import org.clipc.runtime.collective.rendezvous.RendezvousServer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** All of the NCCL backend but NCCL: ranks are threads, which find each other over TCP. */
class NcclConformanceTest extends CollectivesConformance {

    private static final Duration JOINING = Duration.ofSeconds(30);

    private static final class Death extends Error {
        private static final long serialVersionUID = 1L;
    }

    @Override
    protected List<String> outcomes(Scenario scenario, Duration timeout) throws IOException, InterruptedException {
        var network = new MemoryNccl.Network();
        var outcomes = new AtomicReferenceArray<String>(Scenario.RANKS);
        var server = RendezvousServer.open(0, Scenario.RANKS, JOINING);
        var threads = new ArrayList<Thread>();
        for (var i = 0; i < Scenario.RANKS; i++) {
            var rank = i;
            var line = new Line(server.port());
            threads.add(Thread.ofPlatform().start(() -> {
                var rendezvous = Rendezvous.join(
                        rank,
                        Scenario.RANKS,
                        List.of("localhost"),
                        rank == 0 ? server.port() : line.port(),
                        JOINING,
                        rank == 0 ? server : null);
                var options = CollectiveOptions.DEFAULT.withTimeout(timeout);
                var nccl = new MemoryNccl(network);
                outcomes.set(rank, "");
                try (var ends = NcclCollectives.open(nccl, rank, Scenario.RANKS, options, rendezvous)) {
                    outcomes.set(rank, outcome(scenario, ends, line));
                } catch (Death e) {
                    // Said nothing.
                }
            }));
        }
        for (var thread : threads) {
            thread.join();
        }
        var all = new String[Scenario.RANKS];
        Arrays.setAll(all, outcomes::get);
        return List.of(all);
    }

    private static String outcome(Scenario scenario, Collectives ends, Line line) {
        try {
            scenario.run(new Scenario.Rank(ends, 0, () -> die(line)));
            return DONE;
        } catch (CollectiveException e) {
            return String.valueOf(e.getMessage());
        } catch (RuntimeException | AssertionError | InterruptedException e) {
            ends.abort("it failed with " + e);
            return e.toString();
        }
    }

    private static void die(Line line) {
        try {
            line.close();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        throw new Death();
    }

    @Test
    void memoryOfTheDeviceIsNotCopied() {
        var server = RendezvousServer.open(0, 2, JOINING);
        var port = server.port();
        var network = new MemoryNccl.Network();
        var other = Thread.ofPlatform().start(() -> sumOnDevice(network, 1, port, null, 3));
        var first = sumOnDevice(network, 0, port, server, 4);
        join(other);
        assertThat(first).isEqualTo(7);
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @SuppressWarnings("restricted")
    private static float sumOnDevice(
            MemoryNccl.Network network, int rank, int port, @Nullable RendezvousServer server, float value) {
        var nccl = new MemoryNccl(network);
        var rendezvous = Rendezvous.join(rank, 2, List.of("localhost"), port, JOINING, server);
        try (var ends = NcclCollectives.open(nccl, rank, 2, CollectiveOptions.DEFAULT, rendezvous)) {
            var data = MemorySegment.ofAddress(nccl.allocate(4)).reinterpret(4);
            data.set(ValueLayout.JAVA_FLOAT, 0, value);
            ends.world().allReduce(data, DType.F32, Reduction.SUM);
            assertThat(nccl.copiedBytes()).isZero();
            var sum = data.get(ValueLayout.JAVA_FLOAT, 0);
            nccl.free(data.address());
            return sum;
        } finally {
            assertThat(nccl.allocations()).isZero();
        }
    }
}
