package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.tests.Commands.clipRun;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.clipc.ir.Cost;
import org.clipc.ir.text.GraphParser;
import org.clipc.program.KernelCall;
import org.clipc.program.ProgramFile;
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
                .contains("train_step", "samples/s (median of 2 runs)", "measured ceilings", "all kernels")
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
                    var flops = calls.stream().mapToLong(KernelCall::flops).sum();
                    assertThat((double) flops)
                            .as(target + " " + entry.name())
                            .isEqualTo(graph.flops(), within(0.05 * graph.flops()));
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
}
