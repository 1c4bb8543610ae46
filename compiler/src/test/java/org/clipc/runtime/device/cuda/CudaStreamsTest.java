package org.clipc.runtime.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.Reduction;
import org.clipc.runtime.collective.StreamCall;
import org.clipc.runtime.collective.StreamGroup;
import org.clipc.runtime.collective.nccl.NcclCollectives;
import org.clipc.runtime.device.cuda.Cuda.Lane;
import org.clipc.runtime.device.tornado.TornadoTasks;
import org.clipc.runtime.device.tornado.TornadoVm;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** NCCL and two streams in the device's primary context, in a graph of CUDA that TornadoVM records: needs a GPU. */
class CudaStreamsTest {

    private static final int COUNT = 1000;

    private static final long BYTES = COUNT * (long) Float.BYTES;

    private static Collectives ends() {
        try {
            return NcclCollectives.open(CollectiveOptions.DEFAULT);
        } catch (CollectiveException e) {
            return abort(e.getMessage());
        }
    }

    @Test
    @Tag("kernels")
    void exchangesArePartOfAGraph() {
        assumeTrue(CudaDevice.isPresent(), "TornadoVM's first device is none of CUDA's, or TORNADOVM_HOME is not set");
        var vm = TornadoVm.get();
        var device = vm.devices().getFirst();
        var work = new AtomicReference<@Nullable Runnable>();
        try (var scope = Arena.ofConfined();
                var ends = ends();
                var tasks = TornadoTasks.open(
                        vm,
                        device,
                        true,
                        task -> new CudaNative(vm.nativeContext(task), vm.nativeStream(task), false, true),
                        Map.of("step", () -> Objects.requireNonNull(work.get()).run()));
                var cuda = tasks.cuda()) {
            var group = (StreamGroup) ends.world();
            assertThat(group.device()).isEqualTo(cuda.device());
            cuda.attach();
            var memory = cuda.allocate(4 * BYTES);
            work.set(step(cuda, group, memory));
            cuda.resetTold();
            for (var run = 1; run <= 4; run++) {
                var values = new float[COUNT];
                Arrays.fill(values, run);
                cuda.attach();
                cuda.upload(memory, scope.allocateFrom(ValueLayout.JAVA_FLOAT, values));
                if (run == 1) {
                    Objects.requireNonNull(work.get()).run();
                } else {
                    tasks.run("step");
                }
                cuda.attach();
                cuda.synchronize();
                var results = scope.allocate(BYTES);
                cuda.download(memory + 3 * BYTES, results);
                assertThat(results.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED)).containsExactly(values);
                assertThat(cuda.told(Lane.BESIDE)).isEqualTo(2);
                assertThat(group.failure(null)).isNull();
            }
            cuda.free(memory);
        }
    }

    /** From place to place: by a copy, by NCCL beside, by NCCL. */
    private static Runnable step(Cuda cuda, StreamGroup group, long memory) {
        var begun = cuda.newPoint();
        var done = cuda.newPoint();
        return () -> {
            cuda.enter();
            cuda.copy(memory, memory + BYTES, BYTES);
            cuda.reach(Lane.MAIN, begun);
            cuda.await(Lane.BESIDE, begun);
            cuda.tell(Lane.BESIDE, 1);
            group.start(
                    cuda.stream(Lane.BESIDE),
                    List.of(StreamCall.allReduce(memory + BYTES, memory + 2 * BYTES, COUNT, DType.F32, Reduction.SUM)));
            cuda.tell(Lane.BESIDE, 2);
            cuda.reach(Lane.BESIDE, done);
            cuda.await(Lane.MAIN, done);
            group.start(
                    cuda.stream(Lane.MAIN),
                    List.of(StreamCall.allGather(memory + 2 * BYTES, memory + 3 * BYTES, COUNT, DType.F32)));
            cuda.leave();
        };
    }
}
