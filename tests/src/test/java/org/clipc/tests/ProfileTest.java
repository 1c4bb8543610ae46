package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.tests.Commands.clipRun;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.clipc.ir.Cost;
import org.clipc.ir.text.GraphParser;
import org.clipc.program.Call;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.weights.ParameterInitializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code clip-run profile} on a compiled model. */
class ProfileTest {

    private static final int RUNS = 2;

    @TempDir
    Path folder = Path.of("");

    private static List<JsonNode> slices(JsonNode trace, String category) {
        var slices = new ArrayList<JsonNode>();
        trace.get("traceEvents").forEach(event -> {
            if (event.path("cat").asText().equals(category)) {
                slices.add(event);
            }
        });
        return slices;
    }

    @Test
    void tracesEveryCallOfATrainingStep() throws IOException {
        var program = Commands.tiny("--batch", "6");
        var trace = folder.resolve("trace.json");
        var result = clipRun(
                        "profile",
                        "--graph",
                        program,
                        "--device",
                        "jvm",
                        "--threads",
                        2,
                        "--warmup",
                        1,
                        "--iterations",
                        RUNS,
                        "--trace",
                        trace)
                .succeeds();
        assertThat(result.out())
                .contains("train_step", "samples/s (median of 2 runs; ", "measured ceilings", "all kernels")
                .contains("dot_general")
                .containsPattern("Gemm_\\w+ +\\d+ ");

        var json = new ObjectMapper().readTree(trace.toFile());
        var kernels = slices(json, "kernel");
        try (var file = ProgramFile.open(program)) {
            var entry = slices(json, "run").getFirst().get("name").asText().replaceAll(" .*", "");
            var calls =
                    file.schedule(file.manifest().targets().getFirst(), entry).calls();
            assertThat(kernels).hasSizeBetween(RUNS * calls.size() / 2, RUNS * calls.size() * 2);
        }
        var seconds = kernels.stream().mapToDouble(k -> k.get("dur").asDouble()).sum();
        var runs = slices(json, "run").stream()
                .mapToDouble(r -> r.get("dur").asDouble())
                .sum();
        assertThat(seconds).isPositive().isLessThanOrEqualTo(runs);
        assertThat(slices(json, "worker").stream()
                        .mapToDouble(w -> w.get("dur").asDouble())
                        .sum())
                .isLessThanOrEqualTo(2 * seconds);
        assertThat(kernels)
                .anySatisfy(
                        k -> assertThat(k.get("args").get("module").asText()).contains("resblocks"))
                .allSatisfy(
                        k -> assertThat(k.get("args").get("computes").asText()).isNotEmpty());
    }

    /** The compiler's account of a program's work agrees with the graph's. */
    @Test
    void callsTakeWhatTheGraphDoes() throws IOException {
        try (var file = ProgramFile.open(Commands.tiny("--batch", "6"))) {
            for (var entry : file.manifest().entries()) {
                var graph = Cost.of(GraphParser.parse("graph", file.graph(entry.name())));
                for (var target : file.manifest().targets()) {
                    var calls = file.schedule(target, entry.name()).calls();
                    var flops = calls.stream().mapToLong(Call::flops).sum();
                    assertThat((double) flops)
                            .as(target + " " + entry.name())
                            .isEqualTo((double) graph.flops(), within(0.05 * graph.flops()));
                }
            }
        }
    }

    @Test
    void refusesWhatItCannotProfile() throws IOException {
        var program = Commands.tiny("--batch", "6");
        clipRun("profile", "--graph", program, "--entry", "decode")
                .isRefused("the program has no entry point 'decode', only ", "train_step");
        clipRun("profile", "--graph", program, "--iterations", 0).isRefused("--iterations must be at least 1");
        clipRun("profile", "--graph", program, "--device", "abacus").isRefused("there is no device 'abacus' here");
        clipRun("profile").isRefused("--graph");
    }

    /** What is found is followed by the next run, and does not change what it computes but for roundings. */
    @Test
    void tunesAndFollows() throws IOException {
        var program = folder.resolve("tiny.bin");
        Files.copy(Commands.tiny("--batch", "6"), program);
        var tuning = folder.resolve("tiny.tune.json");
        var result = clipRun(
                        "tune",
                        "--graph",
                        program,
                        "--device",
                        "jvm",
                        "--threads",
                        1,
                        "--entry",
                        "loss_grad",
                        "--warmup",
                        1,
                        "--trials",
                        1,
                        "--pairs",
                        4)
                .succeeds();
        assertThat(result.out()).contains("products are faster in another way", "wrote " + tuning);
        var json = new ObjectMapper().readTree(tuning.toFile());
        try (var file = ProgramFile.open(program)) {
            assertThat(json.get("program").asText()).isEqualTo(file.checksum());
        }
        assertThat(json.get("options").isObject()).isTrue();
        clipRun(
                        "bench",
                        "--graph",
                        program,
                        "--device",
                        "jvm",
                        "--threads",
                        1,
                        "--entry",
                        "loss_grad",
                        "--warmup",
                        0,
                        "--iterations",
                        1)
                .succeeds();
        clipRun("tune", "--graph", program, "--pairs", 1).isRefused("--pairs at least 4");
        clipRun("tune", "--graph", program, "--entry", "x").isRefused("no entry point 'x'");
    }

    /** Every option of every choice, on every target that this machine runs, gives the same features. */
    @Test
    void allOptionsComputeTheSame() throws IOException {
        try (var file = ProgramFile.open(Commands.tiny("--batch", "6"));
                var batch = SafetensorsFile.open(Golden.file("batch"));
                var device = new JvmDevice(2);
                var program = device.load(file, List.of("loss_grad"))) {
            ParameterInitializer.initialize(program, 3);
            var choices = program.choices("loss_grad");
            assertThat(choices).isNotEmpty();
            var inputs = Map.of("images", batch.tensor("images"), "tokens", batch.tensor("texts"));
            var expected = values(program.run("loss_grad", inputs));
            var most = choices.stream().mapToInt(c -> c.options().size()).max().orElseThrow();
            for (var option = 0; option < most; option++) {
                var options = new TreeMap<String, String>();
                for (var choice : choices) {
                    var names = List.copyOf(choice.options().keySet());
                    options.put(choice.name(), names.get(option % names.size()));
                }
                program.tune(options);
                values(program.run("loss_grad", inputs))
                        .forEach((name, actual) -> assertThat(actual)
                                .as(name)
                                .containsExactly(Objects.requireNonNull(expected.get(name)), within(1e-5f)));
            }
        }
    }

    private static Map<String, float[]> values(Map<String, HostTensor> tensors) {
        var values = new TreeMap<String, float[]>();
        tensors.forEach((name, tensor) -> values.put(name, tensor.toFloats()));
        return values;
    }
}
