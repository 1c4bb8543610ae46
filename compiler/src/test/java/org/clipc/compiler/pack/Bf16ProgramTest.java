package org.clipc.compiler.pack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.tornado.TornadoSdk;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Scalars;
import org.clipc.ir.interp.Tensor64;
import org.clipc.ir.text.GraphParser;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.catalog.Devices;
import org.clipc.runtime.device.cuda.EmulatedCuda;
import org.clipc.runtime.device.tornado.TornadoVm;
import org.clipc.runtime.tensor.HostTensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program with parameters and results of bf16 on TornadoVM's devices. */
class Bf16ProgramTest {

    /** Odd sizes: a float of the device's memory holds the last element of a row and the first of the next. */
    private static final Graph GRAPH = GraphParser.parse("bf16", """
            graph "mixed" {
              %w = input.parameter {name = "w", type = bf16[5,7]}
              %x = input.data {name = "x", type = f32[3,5]}
              %half = convert.bf16(%x)
              %y = dot_general(%half, %w) {lhsBatch = [], rhsBatch = [], lhsContract = [1], rhsContract = [0]}
              %z = unary.tanh(%y)
              output "y" = %y
              output "z" = %z
            }
            """);

    @TempDir
    Path folder = Path.of("");

    private Path compile(Target... targets) throws IOException {
        var options = CompileOptions.builder(List.of(targets))
                .batch(3)
                .verifyEach(true)
                .build();
        var file = folder.resolve(targets[0].name() + ".bin");
        ProgramFile.write(
                file, ProgramBuilder.build(new OneGraph(GRAPH), options).program());
        return file;
    }

    @Test
    @Tag("kernels")
    void keepsBf16OnOpenClDevices() throws IOException {
        assumeTrue(TornadoVm.isPresent(), "TornadoVM is not here: TORNADOVM_HOME is not set");
        var api = TornadoSdk.apiJar(System.getenv(TornadoSdk.HOME));
        var file = compile(new TornadoTarget(api, TornadoTarget.Kind.CPU), TornadoTarget.cuda());
        try (var program = ProgramFile.open(file);
                var device = Devices.open("tornado", DeviceOptions.DEFAULT);
                var loaded = device.load(program, List.of(GRAPH.name()))) {
            check(loaded);
        }
    }

    @Test
    @Tag("kernels")
    void keepsBf16OnCudaDevices() throws IOException {
        assumeTrue(TornadoVm.isPresent(), "TornadoVM is not here: TORNADOVM_HOME is not set");
        try (var loaded = EmulatedCuda.load(compile(TornadoTarget.cuda()), List.of(GRAPH.name()))) {
            check(loaded);
        }
    }

    private static void check(DeviceProgram program) {
        var random = new Random(7);
        var w = random.doubles(35, -2, 2).toArray();
        var x = random.doubles(15, -2, 2).toArray();
        program.write("w", HostTensor.of(w, 5, 7));
        // Parts that begin and end within a float.
        w[3] = 1.5;
        w[4] = -0.75;
        program.write("w", 3, HostTensor.of(new double[] {1.5, -0.75}, 2));
        var rounded = Tensor64.of(type("w"), w);
        var kept = program.read("w");
        for (var i = 0; i < w.length; i++) {
            w[i] = Scalars.round(DType.BF16, w[i]);
            assertThat(kept.getDouble(i)).as("w[%d]", i).isEqualTo(w[i]);
        }
        var expected = Interpreter.run(GRAPH, Map.of("w", rounded, "x", Tensor64.of(type("x"), x)));
        var results = program.run(GRAPH.name(), Map.of("x", HostTensor.of(x, 3, 5)));
        for (var name : List.of("y", "z")) {
            var exact = Objects.requireNonNull(expected.get(name)).data();
            var largest = Arrays.stream(exact).map(Math::abs).max().orElseThrow();
            for (var i = 0; i < exact.length; i++) {
                assertThat(Objects.requireNonNull(results.get(name)).getDouble(i))
                        .as("%s[%d]", name, i)
                        .isEqualTo(exact[i], within(0x1p-7 * largest));
            }
        }
    }

    private static TensorType type(String input) {
        return GRAPH.inputs().stream()
                .filter(i -> i.name().equals(input))
                .findFirst()
                .orElseThrow()
                .type();
    }
}
