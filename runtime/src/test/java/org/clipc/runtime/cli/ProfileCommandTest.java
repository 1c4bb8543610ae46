package org.clipc.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.runtime.cli.CommandRunner.clipRun;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import org.clipc.program.EntryPoint;
import org.clipc.program.Program;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.testing.ToyProgram;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfileCommandTest {

    private static final int VOCABULARY = 20;

    @TempDir
    Path folder;

    private Path graph;

    @BeforeEach
    void write() throws IOException {
        graph = ToyProgram.write(folder.resolve("toy.bin"), VOCABULARY);
    }

    @Test
    void tellsWhatTheProgramSaysOfItsCalls() throws IOException {
        var trace = folder.resolve("trace.json");
        var result = clipRun("profile", "--graph", graph, "--warmup", 0, "--iterations", 3, "--trace", trace)
                .succeeds();
        assertThat(result.out())
                .contains("train_step, batch 4:", "(median of 3 runs; ", "JVM kernels on ")
                .containsPattern("(?m)^Toy +1 .* tanh in toy\\.\\*\\.head$");
        var events = new ObjectMapper().readTree(trace.toFile()).get("traceEvents");
        var kernels = 0;
        for (var event : events) {
            if (event.path("cat").asText().equals("kernel")) {
                kernels++;
                assertThat(event.get("args").get("flops").asLong()).isEqualTo(ToyProgram.FLOPS);
                assertThat(event.get("args").get("bytes").asLong()).isEqualTo(ToyProgram.BYTES);
                assertThat(event.get("args").get("source").asText()).isEqualTo("toy.clip:5");
            }
        }
        assertThat(kernels).isEqualTo(3);
    }

    @Test
    void refusesWhatCannotBeProfiled() throws IOException {
        clipRun("profile", "--graph", graph, "--entry", "decode").isRefused("has no entry point 'decode', only ");
        clipRun("profile", "--graph", graph, "--warmup", -1).isRefused("--warmup must not be negative");
        clipRun("profile", "--graph", graph, "--entry", "encode_image,encode_text", "--trace", folder.resolve("t.json"))
                .isRefused("--trace holds one entry point; choose it by --entry: encode_image, encode_text");
        clipRun("profile", "--graph", folder.resolve("none.bin")).isRefused("none.bin: no such file");
        clipRun("profile", "--graph", graph, "--warmup", 0, "--trace", graph.resolve("trace.json"))
                .isRefused("toy.bin");
        var toy = ToyProgram.program(VOCABULARY);
        var graphs = new HashMap<>(toy.graphs());
        graphs.put(EntryPoint.TRAIN_STEP, "graph?");
        ProgramFile.write(
                graph,
                new Program(toy.manifest(), graphs, toy.schedules(), toy.kernels(), toy.prebuilt(), toy.sources()));
        clipRun("profile", "--graph", graph).isRefused("toy.bin: graphs/train_step.cir:1:");
    }

    @Test
    void hasNothingToTuneWhereThereIsOneWay() {
        clipRun("tune", "--graph", graph).isRefused("there is nothing to tune in train_step on jvm");
        clipRun("tune", "--graph", graph, "--trials", 0).isRefused("--trials must be at least 1");
        clipRun("tune", "--graph", graph, "--entry", "decode").isRefused("has no entry point 'decode'");
        assertThat(Files.exists(folder.resolve("toy.tune.json"))).isFalse();
    }
}
