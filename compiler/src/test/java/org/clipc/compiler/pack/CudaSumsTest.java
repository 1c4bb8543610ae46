package org.clipc.compiler.pack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.lower.Tensors;
import org.clipc.ir.Graph;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.text.GraphParser;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.catalog.Devices;
import org.clipc.runtime.device.cuda.CudaDevice;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A weight's gradient by the library, which gives the bias's along with it. */
class CudaSumsTest {

    @TempDir
    Path folder = Path.of("");

    /**
     * The factors are of no use behind the product, so that a memory plan could put the sums where one of them lies.
     *
     * @param dtype of the factors, f32 or bf16
     * @param product of the product, likewise
     * @param sums of the sums, likewise
     */
    private static Graph graph(String dtype, String factors, String product, String sums) {
        return GraphParser.parse("sums", """
                graph "sums" {
                  %%x = input.data {name = "x", type = f32[6,70,40]}
                  %%y = input.data {name = "y", type = f32[6,70,24]}
                  %%a = unary.tanh(%%x)
                  %%c = convert.%1$s(%%a)
                  %%b = unary.tanh(%%y)
                  %%d = convert.%1$s(%%b)
                  %%w = dot_general(%2$s) {lhsBatch = [], rhsBatch = [], lhsContract = [0,1], rhsContract = [0,1]}
                  %%v = convert.%3$s(%%w)
                  %%e = convert.%4$s(%%c)
                  %%s = reduce.sum(%%e) {axes = [0,1]}
                  output "w" = %%v
                  output "s" = %%s
                }
                """.formatted(dtype, factors, product, sums));
    }

    @ParameterizedTest
    @Tag("kernels")
    @CsvSource({
        "f32, '%c, %d', f32",
        "bf16, '%c, %d', f32",
        "bf16, '%d, %c', f32",
        "bf16, '%d, %c', bf16",
    })
    void aDeviceComputesTheSameInEachWay(String dtype, String factors, String results) throws IOException {
        assumeTrue(CudaDevice.isPresent(), "TornadoVM's first device is none of CUDA's, or TORNADOVM_HOME is not set");
        var graph = graph(dtype, factors, results, results);
        var compiled = new CudaGraph(graph, folder);
        var inputs = compiled.inputs(_ -> 1);
        var expected = Interpreter.run(graph, inputs);
        try (var file = ProgramFile.open(compiled.compile());
                var device = Devices.open("tornado", DeviceOptions.DEFAULT);
                var program = device.load(file, List.of(graph.name()))) {
            Runnable run = () ->
                    Tensors.assertClose("default", expected, DeviceRunner.run(program, graph.name(), inputs), 1e-2);
            var reductions = CudaGraph.kernels(program, CudaSumsTest::isReduction, run);
            // Of f32, cuBLASLt may give sums or not.
            assertThat(reductions).isLessThanOrEqualTo(dtype.equals("bf16") ? 0 : 1);
            var choice = program.choices(graph.name()).getFirst();
            for (var way : choice.options().keySet()) {
                program.tune(Map.of(choice.name(), way));
                Tensors.assertClose(way, expected, DeviceRunner.run(program, graph.name(), inputs), 1e-2);
            }
        }
    }

    @ParameterizedTest
    @Tag("kernels")
    @CsvSource({
        "f32, '%c, %d', f32, LHS",
        "bf16, '%c, %d', f32, LHS",
        "bf16, '%d, %c', f32, RHS",
        "bf16, '%d, %c', bf16, RHS",
    })
    void theLibraryGivesWhatTheNextLaunchWants(String dtype, String factors, String results, String side)
            throws IOException {
        var graph = graph(dtype, factors, results, results);
        var compiled = new CudaGraph(graph, folder);
        var inputs = compiled.inputs(_ -> 1);
        var expected = Interpreter.run(graph, inputs);
        for (var givesSums : List.of(true, false)) {
            try (var program = compiled.emulated(givesSums)) {
                var choice = program.choices(graph.name()).getFirst();
                assertThat(choice.name()).endsWith(" sums " + side);
                assertThat(choice.options()).containsOnlyKeys("kernel", "library");
                Runnable run = () ->
                        Tensors.assertClose("sums", expected, DeviceRunner.run(program, graph.name(), inputs), 1e-2);
                program.tune(Map.of(choice.name(), "kernel"));
                var apart = CudaGraph.kernels(program, CudaSumsTest::isReduction, run);
                assertThat(apart).isPositive();
                for (var way : List.of("library", "default", "kernel", "default")) {
                    program.tune(way.equals("default") ? Map.of() : Map.of(choice.name(), way));
                    run.run();
                    assertThat(CudaGraph.kernels(program, CudaSumsTest::isReduction, run))
                            .as(way)
                            .isEqualTo(way.equals("default") && givesSums ? 0 : apart);
                }
            }
        }
    }

    /** cuBLASLt's manual has the sums of the type of its result. */
    @ParameterizedTest
    @CsvSource({"f32, bf16", "bf16, f32"})
    void theLibraryIsNotAskedForSumsOfAnotherType(String product, String sums) throws IOException {
        var graph = graph("bf16", "%c, %d", product, sums);
        var compiled = new CudaGraph(graph, folder);
        var inputs = compiled.inputs(_ -> 1);
        try (var program = compiled.emulated(true)) {
            assertThat(program.choices(graph.name()))
                    .isNotEmpty()
                    .noneMatch(choice -> choice.name().contains("sums"));
            Tensors.assertClose(
                    "sums", Interpreter.run(graph, inputs), DeviceRunner.run(program, graph.name(), inputs), 1e-2);
        }
    }

    private static boolean isReduction(String kernel) {
        return kernel.contains("Reduce_");
    }
}
