package org.clipc.runtime.collective.nccl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
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

    static final Duration JOINING = Duration.ofSeconds(30);

    @Override
    protected List<String> outcomes(Scenario scenario, Duration timeout) throws IOException {
        var options = CollectiveOptions.DEFAULT.withTimeout(timeout);
        var thrown = MemoryRanks.run(Scenario.RANKS, options, rank -> {
            var ends = used(rank.ends(), rank.nccl());
            scenario.run(new Scenario.Rank(ends, 0, () -> {
                throw rank.die();
            }));
        });
        return thrown.stream()
                .map(e -> e.map(NcclConformanceTest::text).orElse(DONE))
                .toList();
    }

    private static String text(Throwable thrown) {
        return switch (thrown) {
            case MemoryRanks.Death _ -> "";
            case CollectiveException e -> String.valueOf(e.getMessage());
            default -> thrown.toString();
        };
    }

    /** What a scenario sees of a rank's end. */
    Collectives used(Collectives ends, MemoryNccl nccl) {
        return ends;
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
