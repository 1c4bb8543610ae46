package org.clipc.runtime.collective.nccl;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.rendezvous.Rendezvous;
import org.clipc.runtime.collective.rendezvous.RendezvousServer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NcclCollectivesTest {

    private static final CollectiveOptions OPTIONS = CollectiveOptions.DEFAULT.withTimeout(Duration.ofSeconds(20));

    private static void open(Nccl nccl, int rank, int port, @Nullable RendezvousServer server) {
        var rendezvous = Rendezvous.join(rank, 2, List.of("localhost"), port, Duration.ofSeconds(20), server);
        NcclCollectives.open(nccl, rank, 2, OPTIONS, rendezvous).close();
    }

    /** NCCL, which has no memory left when this rank is to join the others. */
    private static Nccl full(Nccl nccl) {
        return (Nccl) Proxy.newProxyInstance(
                Nccl.class.getClassLoader(), new Class<?>[] {Nccl.class}, (_, method, arguments) -> {
                    if (method.getName().equals("join")) {
                        throw new CollectiveException("ncclCommInitRank failed: out of memory", List.of());
                    }
                    try {
                        return method.invoke(nccl, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @Test
    void whereOneRankCannotBeginTheOthersHearWhy() throws InterruptedException {
        var network = new MemoryNccl.Network();
        var server = RendezvousServer.open(0, 2, Duration.ofSeconds(20));
        var other = Thread.ofPlatform()
                .start(() -> assertThatThrownBy(() -> open(full(new MemoryNccl(network)), 1, server.port(), null))
                        .isInstanceOf(CollectiveException.class));
        assertThatThrownBy(() -> open(new MemoryNccl(network), 0, server.port(), server))
                .isInstanceOf(CollectiveException.class)
                .hasMessage("rank 1 cannot go on: ncclCommInitRank failed: out of memory")
                .extracting("ranks")
                .isEqualTo(List.of(1));
        other.join();
    }
}
