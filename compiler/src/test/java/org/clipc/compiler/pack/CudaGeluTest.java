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
import org.clipc.ir.interp.Tensor64;
import org.clipc.ir.text.GraphParser;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.catalog.Devices;
import org.clipc.runtime.device.cuda.CudaDevice;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Linear layers, and the gradient of one, with a bias, a matrix to add or GELU, which the library computes along with them. */
class CudaGeluTest {

    @TempDir
    Path folder = Path.of("");

    private static final String LAYERS = """
            graph "layers" {
              %x = input.data {name = "x", type = bf16[3,30,40]}
              %w = input.data {name = "w", type = bf16[56,40]}
              %b = input.data {name = "b", type = f32[56]}
              %v = input.data {name = "v", type = bf16[40,56]}
              %c = input.data {name = "c", type = bf16[40]}
              %half = constant {type = f32[3,30,56], value = 0.5}
              %one = constant {type = f32[3,30,56], value = 1}
              %cubic = constant {type = f32[3,30,56], value = 0.044715}
              %scale = constant {type = f32[3,30,56], value = 0.7978845608028654}
              %p = dot_general(%x, %w) {lhsBatch = [], rhsBatch = [], lhsContract = [2], rhsContract = [1]}
              %bn = convert.bf16(%b)
              %bw = convert.f32(%bn)
              %bb = broadcast(%bw) {shape = [3,30,56], axes = [2]}
              %s = binary.add(%p, %bb)
              %h = convert.bf16(%s)
              %u = convert.f32(%h)
              %u2 = binary.mul(%u, %u)
              %u3 = binary.mul(%u2, %u)
              %cu = binary.mul(%u3, %cubic)
              %i = binary.add(%u, %cu)
              %si = binary.mul(%i, %scale)
              %t = unary.tanh(%si)
              %t1 = binary.add(%t, %one)
              %hu = binary.mul(%u, %half)
              %g = binary.mul(%hu, %t1)
              %gn = convert.bf16(%g)
              %q = dot_general(%gn, %v) {lhsBatch = [], rhsBatch = [], lhsContract = [2], rhsContract = [1]}
              %cw = convert.f32(%c)
              %cb = broadcast(%cw) {shape = [3,30,40], axes = [2]}
              %qc = binary.add(%q, %cb)
              %xw = convert.f32(%x)
              %y = binary.add(%xw, %qc)
              %yn = convert.bf16(%y)
            """;

    /** By the sigmoid s of 2i, tanh(i) being 2s - 1: GELU is u·s, and its derivative s + 2u·s·(1 - s)·i'. */
    private static final String GRADIENT = """
              %d = input.data {name = "d", type = bf16[3,30,40]}
              %z = input.data {name = "z", type = bf16[3,30,56]}
              %k = convert.f32(%z)
              %two = constant {type = f32[3,30,56], value = 2}
              %three = constant {type = f32[3,30,56], value = 3}
              %k2 = binary.mul(%k, %k)
              %ck2 = binary.mul(%k2, %cubic)
              %i0 = binary.add(%ck2, %one)
              %i1 = binary.mul(%i0, %k)
              %i2 = binary.mul(%i1, %scale)
              %i3 = binary.mul(%i2, %two)
              %sg = unary.sigmoid(%i3)
              %dk2 = binary.mul(%ck2, %three)
              %d0 = binary.add(%dk2, %one)
              %d1 = binary.mul(%d0, %scale)
              %d2 = binary.mul(%d1, %two)
              %d3 = binary.mul(%d2, %k)
              %rest = binary.sub(%one, %sg)
              %d4 = binary.mul(%d3, %rest)
              %d5 = binary.add(%d4, %one)
              %slope = binary.mul(%d5, %sg)
              %e = dot_general(%d, %v) {lhsBatch = [], rhsBatch = [], lhsContract = [2], rhsContract = [0]}
              %en = convert.bf16(%e)
              %ew = convert.f32(%en)
              %de = binary.mul(%ew, %slope)
              %den = convert.bf16(%de)
              output "gradient" = %den
              output "h" = %h
            """;

    /** @param ofTraining whether what GELU is of is wanted, too, and a gradient by it */
    private static Graph graph(boolean ofTraining) {
        return GraphParser.parse("layers", LAYERS + (ofTraining ? GRADIENT : "") + "output \"y\" = %yn\n}\n");
    }

    /** What multiplies GELU's result is small, so that what is rounded before does not show behind. */
    private static Map<String, Tensor64> inputs(CudaGraph graph) {
        return graph.inputs(name -> name.equals("v") ? 0.125 : 1);
    }

    private static void check(Graph graph, DeviceProgram program, Map<String, Tensor64> inputs) {
        // Roundings between sums, and of GELU's argument, may be left out.
        Tensors.assertClose(
                graph.name(), Interpreter.run(graph, inputs), DeviceRunner.run(program, graph.name(), inputs), 2e-2);
    }

    /** How many kernels it takes besides products: one for a bias that is rounded, and one for each GELU or gradient by it. */
    private static long others(Graph graph, DeviceProgram program, Map<String, Tensor64> inputs) {
        return CudaGraph.kernels(program, name -> !name.contains("Product_"), () -> check(graph, program, inputs));
    }

    /** By default, and in all other ways. */
    private static void checkAllWays(Graph graph, DeviceProgram program, Map<String, Tensor64> inputs) {
        check(graph, program, inputs);
        for (var choice : program.choices(graph.name())) {
            for (var way : choice.options().keySet()) {
                program.tune(Map.of(choice.name(), way));
                check(graph, program, inputs);
            }
            program.tune(Map.of());
        }
    }

    @ParameterizedTest
    @Tag("kernels")
    @ValueSource(booleans = {true, false})
    void theLibraryDoesAllOfALayer(boolean ofTraining) throws IOException {
        var graph = graph(ofTraining);
        var compiled = new CudaGraph(graph, folder);
        var inputs = inputs(compiled);
        for (var doesMore : List.of(true, false)) {
            try (var program = compiled.emulated(doesMore)) {
                assertThat(others(graph, program, inputs)).isEqualTo(doesMore ? 1 : ofTraining ? 3 : 2);
                checkAllWays(graph, program, inputs);
            }
        }
    }

    @ParameterizedTest
    @Tag("kernels")
    @ValueSource(booleans = {true, false})
    void aDeviceComputesTheSameInEachWay(boolean ofTraining) throws IOException {
        assumeTrue(CudaDevice.isPresent(), "TornadoVM's first device is none of CUDA's, or TORNADOVM_HOME is not set");
        var graph = graph(ofTraining);
        var compiled = new CudaGraph(graph, folder);
        try (var file = ProgramFile.open(compiled.compile());
                var device = Devices.open("tornado", DeviceOptions.DEFAULT);
                var program = device.load(file, List.of(graph.name()))) {
            var inputs = inputs(compiled);
            assertThat(others(graph, program, inputs)).isEqualTo(1);
            checkAllWays(graph, program, inputs);
        }
    }
}
