package org.clipc.compiler.pack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.tornado.TornadoSdk;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.ir.Graph;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.ir.text.GraphParser;
import org.clipc.program.Choice;
import org.clipc.program.KernelCall;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.GemmKernels;
import org.clipc.runtime.device.TuningFile;
import org.clipc.runtime.device.catalog.Devices;
import org.clipc.runtime.device.tornado.TornadoVm;
import org.clipc.runtime.tensor.HostTensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs on TornadoVM's device, tuned. */
@Tag("kernels")
class TornadoTuningTest {

    /** Products of two shapes, one of them twice, with work between them. */
    private static final Graph GRAPH = GraphParser.parse("tuning", """
            graph "layers" {
              %v = input.parameter {name = "v", type = f32[50,50]}
              %w = input.parameter {name = "w", type = f32[50,70]}
              %x = input.data {name = "x", type = f32[65,50]}
              %a = dot_general(%x, %v) {lhsBatch = [], rhsBatch = [], lhsContract = [1], rhsContract = [0]}
              %b = dot_general(%a, %v) {lhsBatch = [], rhsBatch = [], lhsContract = [1], rhsContract = [0]}
              %c = softmax(%b)
              %d = unary.tanh(%c)
              %e = dot_general(%d, %w) {lhsBatch = [], rhsBatch = [], lhsContract = [1], rhsContract = [0]}
              output "d" = %d
              output "e" = %e
            }
            """);

    @TempDir
    Path folder = Path.of("");

    private final Map<String, Tensor64> values = new TreeMap<>();

    @BeforeEach
    void fill() {
        assumeTrue(TornadoVm.isPresent(), "TornadoVM is not here: TORNADOVM_HOME is not set");
        var random = new Random(17);
        GRAPH.inputs().forEach(input -> {
            var tensor = Tensor64.zeros(input.type());
            for (var i = 0; i < tensor.size(); i++) {
                tensor.data()[i] = random.nextInt(-16, 17) / 64.0;
            }
            values.put(input.name(), tensor);
        });
    }

    private Path compile() throws IOException {
        var api = TornadoSdk.apiJar(System.getenv(TornadoSdk.HOME));
        var kinds = List.of(TornadoTarget.Kind.CPU, TornadoTarget.Kind.GPU);
        var targets =
                kinds.stream().<Target>map(kind -> new TornadoTarget(api, kind)).toList();
        var options = CompileOptions.builder(targets)
                .batch(3)
                .training(false)
                .verifyEach(true)
                .build();
        var file = folder.resolve("layers.bin");
        ProgramFile.write(
                file, ProgramBuilder.build(new OneGraph(GRAPH), options).program());
        return file;
    }

    private static Device device(GemmKernels gemm) {
        return Devices.open("tornado", new DeviceOptions(0, gemm));
    }

    private void writeParameters(DeviceProgram program) {
        program.manifest().parameters().forEach(p -> program.write(p.name(), host(p.name())));
    }

    private HostTensor host(String name) {
        var tensor = Objects.requireNonNull(values.get(name));
        return HostTensor.of(
                tensor.data(),
                tensor.type().shape().dims().stream().mapToLong(d -> d).toArray());
    }

    private void check(DeviceProgram program, String where) {
        var results = program.run(GRAPH.name(), Map.of("x", host("x")));
        Interpreter.run(GRAPH, values).forEach((name, expected) -> {
            var result = Objects.requireNonNull(results.get(name));
            for (var i = 0; i < expected.size(); i++) {
                assertThat(result.getDouble(i))
                        .as("%s[%d], %s", name, i, where)
                        .isEqualTo(expected.data()[i], within(1e-5));
            }
        });
    }

    /** Kernels that run do, in order. */
    private List<String> kernels(DeviceProgram program, String where) {
        var kernels = new ArrayList<String>();
        var calls = new ArrayList<Integer>();
        program.observe((_, call, timing) -> {
            var made = (KernelCall) call;
            calls.add(made.node());
            if (made.units() > 0) {
                kernels.add(made.kernel());
            } else {
                assertThat(timing.nanos()).isZero();
            }
        });
        check(program, where);
        program.observe(null);
        assertThat(calls).isSorted();
        return kernels;
    }

    /** The options of this number, of all choices. */
    private static Map<String, String> options(DeviceProgram program, int number) {
        var options = new TreeMap<String, String>();
        for (var choice : program.choices(GRAPH.name())) {
            var names = List.copyOf(choice.options().keySet());
            options.put(choice.name(), names.get(number % names.size()));
        }
        return options;
    }

    @Test
    void everyWayComputesTheSameAndLosesNothing() throws IOException {
        try (var file = ProgramFile.open(compile());
                var device = device(GemmKernels.AUTO);
                var program = device.load(file, List.of(GRAPH.name()))) {
            writeParameters(program);
            var choices = program.choices(GRAPH.name());
            assertThat(choices).hasSize(2).anyMatch(choice -> choice.sites().size() == 2);
            var untuned = kernels(program, "before");
            var seen = new ArrayList<List<String>>();
            var most = choices.stream().mapToInt(c -> c.options().size()).max().orElseThrow();
            for (var number = 0; number < most; number++) {
                var options = options(program, number);
                program.tune(options);
                seen.add(kernels(program, options.toString()));
                assertThat(program.read("w").toFloats()).isEqualTo(host("w").toFloats());
            }
            assertThat(seen).anyMatch(kernels -> !kernels.equals(untuned));
            // Written while it is tuned, and run by default again.
            values.replaceAll((_, tensor) -> {
                for (var i = 0; i < tensor.size(); i++) {
                    tensor.data()[i] *= 0.5;
                }
                return tensor;
            });
            writeParameters(program);
            program.tune(Map.of());
            assertThat(kernels(program, "by default again")).isEqualTo(untuned);
            assertThatThrownBy(() -> program.tune(Map.of(choices.getFirst().name(), "upside down jit")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("has no option 'upside down', only ");
            check(program, "after");
        }
    }

    @Test
    void followsATuningFileThatFits() throws IOException {
        var path = compile();
        List<String> untuned;
        List<String> tuned;
        try (var file = ProgramFile.open(path);
                var device = device(GemmKernels.AUTO)) {
            try (var program = device.load(file, List.of(GRAPH.name()))) {
                writeParameters(program);
                untuned = kernels(program, "untuned");
                var other = otherTile(program.choices(GRAPH.name()));
                new TuningFile(file.checksum(), device.identity(), other).write(TuningFile.beside(path));
            }
            try (var program = device.load(file, List.of(GRAPH.name()))) {
                writeParameters(program);
                tuned = kernels(program, "by a file");
                assertThat(tuned).isNotEqualTo(untuned);
            }
            // Where kernels are not to be chosen, tiles still are.
            try (var onlyJava = device(GemmKernels.JIT);
                    var program = onlyJava.load(file, List.of(GRAPH.name()))) {
                writeParameters(program);
                assertThat(kernels(program, "in Java")).isEqualTo(tuned);
            }
            Files.writeString(TuningFile.beside(path), "{\"format\": 1,");
            try (var program = device.load(file, List.of(GRAPH.name()))) {
                writeParameters(program);
                assertThat(kernels(program, "damaged file")).isEqualTo(untuned);
            }
        }
    }

    /** Of every choice a way in Java and in other tiles than the default's: that of narrow vectors, or the last. */
    private static Map<String, String> otherTile(List<Choice> choices) {
        var options = new TreeMap<String, String>();
        choices.forEach(choice -> {
            var ways = choice.options().keySet();
            options.put(
                    choice.name(),
                    ways.contains("listed jit")
                            ? "listed jit"
                            : List.copyOf(ways).getLast());
        });
        // Where the device takes no C, there is nothing but Java to choose.
        var inJava = choices.stream()
                        .anyMatch(choice -> choice.options().keySet().stream().anyMatch(way -> way.endsWith(" jit")))
                ? " jit"
                : "";
        assertThat(options.values()).allMatch(option -> option.matches("(listed|\\d+x\\d+\\S+)" + inJava));
        return options;
    }
}
