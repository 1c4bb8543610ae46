package org.clipc.runtime.device.exchange;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.clipc.ir.DType;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.TensorType;
import org.clipc.program.AwaitCall;
import org.clipc.program.CollectiveCall;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.program.Program;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.testing.TestKernels;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A program of two ranks that starts a sum, runs a kernel, which fails where x is above 1, and awaits the sum. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class BackgroundExchangeTest {

    private static final Mesh MESH = new Mesh(2, 1);
    private static final TensorSlot X = new TensorSlot("x", TensorType.f32(4), 0);
    private static final TensorSlot Y = new TensorSlot("y", TensorType.f32(4), 64);

    @TempDir
    Path folder = Path.of("");

    private Path path = Path.of("");

    @BeforeEach
    void write() throws IOException {
        path = folder.resolve("p.bin");
        var manifest = new Manifest(
                Manifest.FORMAT_VERSION,
                "Sum",
                Map.of(),
                MESH,
                List.of(),
                List.of(),
                List.of(),
                List.of(new EntryPoint("go", 1, List.of(X), List.of(Y))),
                0,
                128,
                0,
                List.of("jvm128"),
                Map.of());
        var sum = new CollectiveCall(
                CollectiveCall.Kind.ALL_REDUCE,
                MeshAxis.DATA,
                ReduceFn.SUM,
                DType.F32,
                0,
                List.of(new CollectiveCall.Exchanged(X.offset(), Y.offset(), 4)),
                0);
        var kernel = TestKernels.kernel("Picky", """
                if (arena.get(ValueLayout.JAVA_FLOAT, args[0]) > 1) {
                    arena.set(ValueLayout.JAVA_FLOAT, -4, 0);
                }
                """, "");
        var call = new KernelCall("org.clipc.kernels.jvm128.Picky", List.of(X.offset()), 1, 0, 0, 0);
        var schedule = new Schedule("go", "jvm128", 128, List.of(sum, call, new AwaitCall(0, 0)));
        ProgramFile.write(
                path,
                new Program(
                        manifest,
                        Map.of("go", "graph go {}\n"),
                        List.of(schedule),
                        Map.of("jvm128/Picky", kernel),
                        Map.of(),
                        Map.of()));
    }

    private float[] run(Collectives ends, float x) throws IOException {
        try (var device = new JvmDevice(1);
                var file = ProgramFile.open(path);
                var program = device.load(file, List.of("go"), MeshRank.of(MESH, ends))) {
            var outputs = program.run("go", Map.of("x", HostTensor.of(new float[] {x, 2 * x, 3 * x, 4 * x}, 4)));
            return Objects.requireNonNull(outputs.get("y")).toFloats();
        }
    }

    @Test
    void itsResultIsThereBehindTheAwait() throws IOException, InterruptedException {
        LocalRanks.<IOException>run(
                2,
                CollectiveOptions.DEFAULT,
                ends -> assertThat(run(ends, 0.5f + 0.5f * ends.rank())).containsExactly(1.5f, 3, 4.5f, 6));
    }

    /** Rank 0 comes only when rank 1 has failed, whose sum is under way until then. */
    @Test
    void aKernelThatFailsMeanwhileEndsIt() {
        var failed = new CountDownLatch(1);
        assertThatThrownBy(() -> LocalRanks.<IOException>run(2, CollectiveOptions.DEFAULT, ends -> {
                    if (ends.rank() == 0) {
                        assertThatThrownBy(() -> runBehind(failed, ends))
                                .isInstanceOf(CollectiveException.class)
                                .hasMessageContaining("rank 1 cannot go on: it failed with")
                                .hasMessageContaining("Picky failed");
                        return;
                    }
                    try {
                        run(ends, 2);
                    } finally {
                        failed.countDown();
                    }
                }))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("call 1: kernel org.clipc.kernels.jvm128.Picky failed");
    }

    private void runBehind(CountDownLatch latch, Collectives ends) throws IOException, InterruptedException {
        try (var device = new JvmDevice(1);
                var file = ProgramFile.open(path);
                var program = device.load(file, List.of("go"), MeshRank.of(MESH, ends))) {
            latch.await();
            program.run("go", Map.of("x", HostTensor.of(new float[4], 4)));
        }
    }
}
