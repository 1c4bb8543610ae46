package org.clipc.runtime.device.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.clipc.ir.DType;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.program.Choice;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.Program;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.TensorDType;
import org.clipc.runtime.testing.TestKernels;
import org.clipc.runtime.testing.ToyProgram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JvmDeviceTest {

    @TempDir
    Path folder;

    @Test
    void choosesTheWidestTargetThatTheMachineHas() {
        var path = Path.of("p.bin");
        var all = List.of("jvm128", "jvm256", "jvm512", "tornado");
        assertThat(JvmTargets.choose(path, all, 512)).isEqualTo("jvm512");
        assertThat(JvmTargets.choose(path, all, 256)).isEqualTo("jvm256");
        assertThat(JvmTargets.choose(path, List.of("jvm128", "jvm512"), 256)).isEqualTo("jvm128");
        assertThatThrownBy(() -> JvmTargets.choose(path, List.of("tornado", "jvm512"), 256))
                .isInstanceOf(DataFormatException.class)
                .hasMessageContaining("this CPU has 256-bit vectors: compile it with a target among jvm128, jvm256");
    }

    @Test
    void warnsWhereGemmsTileWouldSpill() {
        assertThat(JvmTargets.slowdown("jvm256", true)).get().asString().contains("start java with");
        assertThat(JvmTargets.slowdown("jvm256", false)).isEmpty();
        assertThat(JvmTargets.slowdown("jvm128", true)).isEmpty();
        assertThat(JvmTargets.slowdown("jvm512", true)).isEmpty();
        // The tests' JVM is started as the launchers start theirs.
        assertThat(JvmTargets.scheduling()).isFalse();
    }

    /** out[i] = factor · in[i] + shared[0], where shared[0] comes from a call before. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void runsCallsInOrderOverAllUnits(int threads) throws IOException {
        var units = 1000;
        var in = new TensorSlot("x", TensorType.f32(units), 64);
        var out = new TensorSlot("y", TensorType.f32(units), 64 + 4096);
        var path = single(
                in,
                out,
                List.of(
                        call("First", List.of(), 1, 0, 8),
                        call("Scale", List.of(in.offset(), out.offset(), 3L), units, 4, 8)),
                Map.of(
                        "jvm128/First", TestKernels.kernel("First", "shared[0] = 5;", ""),
                        "jvm128/Scale", TestKernels.kernel("Scale", """
                                        for (int i = from; i < to; i++) {
                                            local[0] = arena.get(ValueLayout.JAVA_FLOAT, args[0] + 4L * i);
                                            arena.set(ValueLayout.JAVA_FLOAT, args[1] + 4L * i, args[2] * local[0] + shared[0]);
                                        }
                                        """, "")));
        var random = new Random(3);
        var x = new float[units];
        for (var i = 0; i < units; i++) {
            x[i] = random.nextFloat();
        }
        try (var device = new JvmDevice(threads);
                var file = ProgramFile.open(path);
                var program = device.load(file, List.of("go"))) {
            var seen = new ArrayList<String>();
            program.observe((entry, call, timing) -> seen.add(entry + " " + call.name() + (timing.nanos() >= 0)));
            var outputs = program.run("go", Map.of("x", HostTensor.of(x, units)));
            var y = Objects.requireNonNull(outputs.get("y")).toFloats();
            for (var i = 0; i < units; i++) {
                assertThat(y[i]).isEqualTo(3 * x[i] + 5);
            }
            assertThat(seen)
                    .containsExactly("go org.clipc.kernels.jvm128.Firsttrue", "go org.clipc.kernels.jvm128.Scaletrue");
        }
    }

    /** The default goes by the cache, as the program says; tuning may choose what it lists. */
    @ParameterizedTest
    @CsvSource({"0,3,deep", "32768,3,deep", "49151,3,deep", "49152,7,listed", "131072,7,listed"})
    void theFirstLevelCacheDecidesHowCallsAreMade(int cacheBytes, float expected, String other) throws IOException {
        var slot = new TensorSlot("x", TensorType.f32(1), 64);
        var kernel = TestKernels.kernel("Put", "arena.set(ValueLayout.JAVA_FLOAT, args[0], args[1]);", "");
        var deep = new Choice.Patch(1, 0, 0, new TreeMap<>(Map.of(1, 7L)));
        var choice =
                new Choice("put", List.of(0), Map.of("deep", List.of(deep)), new TreeMap<>(Map.of(48 << 10, "deep")));
        var path = single(
                slot,
                slot,
                List.of(call("Put", List.of(slot.offset(), 3L), 1, 0, 0)),
                List.of(choice),
                Map.of("jvm128/Put", kernel));
        try (var device = new JvmDevice(1, cacheBytes);
                var file = ProgramFile.open(path);
                var program = device.load(file, List.of("go"))) {
            assertThat(put(program)).isEqualTo(expected);
            assertThat(program.choices("go").getFirst().options().keySet()).containsExactly(other);
            program.tune(Map.of("put", other));
            assertThat(put(program)).isEqualTo(10 - expected);
            program.tune(Map.of());
            assertThat(put(program)).isEqualTo(expected);
        }
    }

    private static float put(DeviceProgram program) {
        var outputs = program.run("go", Map.of("x", HostTensor.of(new float[1], 1)));
        return Objects.requireNonNull(outputs.get("x")).toFloats()[0];
    }

    @ParameterizedTest
    @CsvSource({"1 << 20", "-4L", "Long.MAX_VALUE - 1", "to * 40960L"})
    void accessOutsideOfTheArenaIsOneClearError(String address) throws IOException {
        var slot = new TensorSlot("x", TensorType.f32(4), 64);
        var body = "arena.set(ValueLayout.JAVA_FLOAT_UNALIGNED, %s, 1f);".formatted(address);
        var path = single(
                slot,
                slot,
                List.of(call("Wild", List.of(), 2, 0, 0)),
                Map.of("jvm128/Wild", TestKernels.kernel("Wild", body, "")));
        try (var device = new JvmDevice(2);
                var file = ProgramFile.open(path);
                var program = device.load(file, List.of("go"))) {
            assertThatThrownBy(() -> program.run("go", Map.of("x", HostTensor.of(new float[4], 4))))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("entry point 'go', call 0: kernel org.clipc.kernels.jvm128.Wild failed")
                    .hasMessageContaining("the program is damaged or was compiled wrongly");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "float x = shared[to];|ArrayIndexOutOfBounds",
                "int x = 1 / (from - from);|ArithmeticException",
                "run(arena, args, from, to, local, shared);|StackOverflowError",
                "shared = new float[-1];|NegativeArraySize"
            })
    void otherKernelFailuresAreOneClearErrorToo(String body, String cause) throws IOException {
        var slot = new TensorSlot("x", TensorType.f32(4), 64);
        var path = single(
                slot,
                slot,
                List.of(call("Bad", List.of(), 2, 0, 0)),
                Map.of("jvm128/Bad", TestKernels.kernel("Bad", body, "")));
        try (var device = new JvmDevice(1);
                var file = ProgramFile.open(path);
                var program = device.load(file, List.of("go"))) {
            assertThatThrownBy(() -> program.run("go", Map.of("x", HostTensor.of(new float[4], 4))))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining(cause);
        }
    }

    @Test
    void refusesForbiddenAndBrokenKernels() throws IOException {
        var slot = new TensorSlot("x", TensorType.f32(4), 64);
        var calls = List.of(call("Exit", List.of(), 1, 0, 0));
        var exit = single(slot, slot, calls, Map.of("jvm128/Exit", TestKernels.kernel("Exit", "System.exit(1);", "")));
        var garbage = single(slot, slot, calls, Map.of("jvm128/Exit", new byte[200]));
        for (var path : List.of(exit, garbage)) {
            try (var device = new JvmDevice(1);
                    var file = ProgramFile.open(path)) {
                assertThatThrownBy(() -> device.load(file, List.of("go")))
                        .isInstanceOf(DataFormatException.class)
                        .hasMessageContaining(path + ": kernel org.clipc.kernels.jvm128.Exit");
            }
        }
    }

    @Test
    void refusesWrongInputs() throws IOException {
        try (var device = new JvmDevice(1);
                var file = ProgramFile.open(ToyProgram.write(folder.resolve("toy.bin"), 10));
                var program = device.load(file, List.of("encode_text", "encode_image"))) {
            var tokens = new long[ToyProgram.BATCH * ToyProgram.CONTEXT];
            assertFailure(program, Map.of(), "entry point 'encode_text' needs the input 'tokens' (i32[4,6])");
            assertFailure(
                    program,
                    Map.of("tokens", HostTensor.of(tokens, 6, 4)),
                    "input 'tokens' must be i32[4,6], not i64[6,4]");
            assertFailure(
                    program,
                    Map.of("tokens", HostTensor.of(new float[24], 4, 6)),
                    "must be i32[4,6] (whole numbers), not f32[4,6]");
            tokens[7] = 1L << 40;
            assertFailure(program, Map.of("tokens", HostTensor.of(tokens, 4, 6)), "has the element 1099511627776");
            tokens[7] = 0;
            var more = new HashMap<>(Map.of("tokens", HostTensor.of(tokens, 4, 6)));
            more.put("texts", HostTensor.of(tokens, 4, 6));
            assertFailure(program, more, "has no input 'texts', only tokens");
            assertThatThrownBy(() -> program.run("loss", Map.of())).hasMessageContaining("'loss' is not loaded");
            assertThatThrownBy(() -> program.read("adam.m"))
                    .hasMessageContaining("no parameter or loaded state 'adam.m'");
            assertThatThrownBy(() -> program.write("visual.proj", HostTensor.of(new float[4], 4)))
                    .hasMessageContaining("'visual.proj' must be f32[192,8], not f32[4]");
            assertThat(program.run("encode_text", Map.of("tokens", HostTensor.of(tokens, 4, 6))))
                    .containsOnlyKeys("text_features");
        }
    }

    private static void assertFailure(DeviceProgram program, Map<String, HostTensor> inputs, String message) {
        assertThatThrownBy(() -> program.run("encode_text", inputs))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining(message);
    }

    @Test
    void mapsOptimizerStateOnlyForTraining() throws IOException {
        try (var device = new JvmDevice(1);
                var file = ProgramFile.open(ToyProgram.write(folder.resolve("toy.bin"), 100))) {
            try (var inference = device.load(file, List.of("encode_image"))) {
                assertThat(inference.memoryBytes()).isEqualTo(file.manifest().stateOffset());
            }
            try (var training = device.load(file, List.of("encode_image", "train_step"))) {
                assertThat(training.memoryBytes()).isEqualTo(file.manifest().arenaBytes());
                training.write("adam.m", HostTensor.of(filled(2337, 3), 2337));
                training.clearState();
                assertThat(training.read("adam.m").toFloats()).containsOnly(0);
            }
        }
    }

    @Test
    void writesAndReadsParametersOfEveryType() throws IOException {
        try (var device = new JvmDevice(1);
                var file = ProgramFile.open(ToyProgram.write(folder.resolve("toy.bin"), 100));
                var program = device.load(file, List.of("loss"))) {
            program.write("logit_scale", HostTensor.of(new double[] {2.5}));
            assertThat(program.read("logit_scale").dtype()).isEqualTo(TensorDType.F32);
            assertThat(program.read("logit_scale").toFloats()).containsExactly(2.5f);
            program.write("logit_scale", HostTensor.of(new float[] {1.5f}, 1));
            assertThat(program.read("logit_scale").getDouble(0)).isCloseTo(1.5, within(0.0));
        }
    }

    @Test
    void writesParts() throws IOException {
        try (var device = new JvmDevice(1);
                var file = ProgramFile.open(ToyProgram.write(folder.resolve("toy.bin"), 100));
                var program = device.load(file, List.of("loss"))) {
            program.write("visual.proj", 1530, HostTensor.of(filled(6, 2), 6));
            var values = program.read("visual.proj").toFloats();
            assertThat(Arrays.copyOf(values, 1530)).containsOnly(0);
            assertThat(Arrays.copyOfRange(values, 1530, 1536)).containsOnly(2);
            assertThatThrownBy(() -> program.write("visual.proj", 1531, HostTensor.of(filled(6, 2), 6)))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("'visual.proj' is f32[192,8]: it has no 6 elements from 1531 on");
        }
    }

    private static float[] filled(int count, float value) {
        var floats = new float[count];
        Arrays.fill(floats, value);
        return floats;
    }

    private static KernelCall call(String kernel, List<Long> args, int units, int local, int shared) {
        return new KernelCall("org.clipc.kernels.jvm128." + kernel, args, units, local, shared, 0);
    }

    /** A program with the entry point {@code go} and no parameters but one of a single element. */
    private Path single(TensorSlot in, TensorSlot out, List<KernelCall> calls, Map<String, byte[]> kernels)
            throws IOException {
        return single(in, out, calls, List.of(), kernels);
    }

    private Path single(
            TensorSlot in, TensorSlot out, List<KernelCall> calls, List<Choice> choices, Map<String, byte[]> kernels)
            throws IOException {
        var workspace = 16384;
        var manifest = new Manifest(
                Manifest.FORMAT_VERSION,
                "Single",
                Map.of(),
                List.of(new Parameter(
                        "p",
                        new TensorType(DType.F32, Shape.SCALAR),
                        new Parameter.Initializer(Parameter.Kind.ZEROS, 0, 0),
                        false,
                        true,
                        null,
                        -1,
                        0)),
                List.of(),
                List.of(new EntryPoint("go", 1, List.of(in), List.of(out))),
                64,
                workspace,
                0,
                List.of("jvm128"),
                Map.of());
        var path = folder.resolve("single" + kernels.hashCode() + ".bin");
        ProgramFile.write(
                path,
                new Program(
                        manifest,
                        Map.of("go", "graph go {}\n"),
                        List.of(new Schedule(
                                "go", "jvm128", workspace, 0, Map.of(), List.of(), List.copyOf(calls), choices)),
                        kernels,
                        Map.of(),
                        Map.of()));
        return path;
    }
}
