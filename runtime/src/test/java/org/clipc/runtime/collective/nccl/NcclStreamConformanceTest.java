package org.clipc.runtime.collective.nccl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.List;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.Group;
import org.clipc.runtime.collective.Operation;
import org.clipc.runtime.collective.Reduction;
import org.clipc.runtime.collective.StreamCall;
import org.clipc.runtime.collective.StreamGroup;
import org.clipc.runtime.collective.rendezvous.Rendezvous;
import org.clipc.runtime.collective.rendezvous.RendezvousServer;
import org.junit.jupiter.api.Test;

/** All that {@link NcclConformanceTest} asks, of operations that are started on streams. */
class NcclStreamConformanceTest extends NcclConformanceTest {

    @Override
    Collectives used(Collectives ends, MemoryNccl nccl) {
        return new Started(ends, nccl);
    }

    /** Groups start their operations, each on a stream of its own. */
    private static final class Started implements Collectives {

        private final Collectives ends;
        private final MemoryNccl nccl;
        private final Group all;

        Started(Collectives ends, MemoryNccl nccl) {
            this.ends = ends;
            this.nccl = nccl;
            this.all = started(ends.world());
        }

        private Group started(Group group) {
            return new StartedGroup((StreamGroup) group, nccl, MemoryStream.open(Duration.ZERO), ends.rank());
        }

        @Override
        public int rank() {
            return ends.rank();
        }

        @Override
        public int size() {
            return ends.size();
        }

        @Override
        public Group group(List<Integer> ranks) {
            return started(ends.group(ranks));
        }

        @Override
        public Group world() {
            return all;
        }

        @Override
        public void abort(String reason) {
            ends.abort(reason);
        }

        @Override
        public void close() {
            ends.close();
        }
    }

    private interface Use {
        void of(StreamGroup group, MemoryNccl nccl, MemoryStream stream);
    }

    private static void alone(Use use) {
        var nccl = new MemoryNccl(new MemoryNccl.Network());
        var server = RendezvousServer.open(0, 1, JOINING);
        var rendezvous = Rendezvous.join(0, 1, List.of("localhost"), server.port(), JOINING, server);
        try (var ends = nccl.open(0, 1, CollectiveOptions.DEFAULT, rendezvous);
                var stream = MemoryStream.open(Duration.ofMillis(1))) {
            use.of((StreamGroup) ends.world(), nccl, stream);
        }
    }

    @Test
    @SuppressWarnings("restricted")
    void operationsAreStartedTogetherAndInOrder() {
        alone((group, nccl, stream) -> {
            var data = MemorySegment.ofAddress(nccl.allocate(16)).reinterpret(16);
            stream.start(() -> data.set(ValueLayout.JAVA_INT, 0, 7));
            group.start(
                    stream.handle(),
                    List.of(
                            StreamCall.allReduce(data.address(), data.address() + 4, 1, DType.I32, Reduction.SUM),
                            StreamCall.allGather(data.address() + 4, data.address() + 8, 1, DType.I32),
                            StreamCall.reduceScatter(
                                    data.address() + 8, data.address() + 8, 1, DType.I32, Reduction.MAX),
                            StreamCall.broadcast(data.address() + 8, 0, 1, DType.I32),
                            StreamCall.exchange(data.address() + 8, 0, data.address() + 12, 0, 1, DType.I32)));
            stream.await();
            assertThat(data.toArray(ValueLayout.JAVA_INT)).containsExactly(7, 7, 7, 7);
        });
    }

    @Test
    void argumentsAreChecked() {
        alone((group, _, stream) -> {
            requireRefused(
                    group,
                    stream,
                    StreamCall.allReduce(258, 258, 4, DType.F32, Reduction.SUM),
                    "'send' is not aligned");
            requireRefused(
                    group, stream, StreamCall.allReduce(256, 260, 4, DType.F32, Reduction.SUM), "overlaps 'receive'");
            requireRefused(
                    group, stream, StreamCall.allReduce(256, 256, 4, DType.F16, Reduction.SUM), "cannot reduce f16");
            requireRefused(group, stream, StreamCall.allGather(256, 260, 4, DType.F32), "overlaps");
            requireRefused(group, stream, StreamCall.reduceScatter(256, 252, 4, DType.F32, Reduction.SUM), "overlaps");
            requireRefused(group, stream, StreamCall.allGather(0, 256, 4, DType.F32), "'send' has no address");
            requireRefused(group, stream, StreamCall.allGather(256, 512, -1, DType.F32), "less than no elements");
            requireRefused(group, stream, StreamCall.broadcast(256, 1, 4, DType.F32), "only 1 members");
            requireRefused(group, stream, StreamCall.exchange(256, 1, 512, 0, 4, DType.F32), "only 1 members");
            requireRefused(group, stream, new StreamCall(Operation.MEET, 0, 0, 0, 0), "no barrier starts on a stream");
        });
    }

    private static void requireRefused(StreamGroup group, MemoryStream stream, StreamCall call, String why) {
        assertThatThrownBy(() -> group.start(stream.handle(), List.of(call)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(why);
    }
}
