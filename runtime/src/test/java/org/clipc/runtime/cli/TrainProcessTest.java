package org.clipc.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.clipc.runtime.testing.Pictures;
import org.clipc.runtime.testing.ToyProgram;
import org.clipc.runtime.text.ClipTokenizer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training in a process of its own, which is stopped in good ways and bad. */
@Tag("process")
class TrainProcessTest {

    private static final int STEPS = 200;
    private static final int KILLS = 12;

    @TempDir
    Path folder;

    private Path graph;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        graph = ToyProgram.write(folder.resolve("toy.bin"), ClipTokenizer.VOCABULARY_SIZE);
        data = Pictures.table(folder.resolve("data"), 16);
    }

    private Process train(String out, String... more) throws IOException {
        var command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                // Not the quiet one of the tests.
                "-Dlogback.configurationFile=logback.xml",
                "-cp",
                System.getProperty("java.class.path"),
                ClipRun.class.getName(),
                "train",
                "--graph",
                graph.toString(),
                "--data",
                data.toString(),
                "--out",
                folder.resolve(out).toString(),
                "--threads",
                "1"));
        command.addAll(List.of(more));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        folder.resolve(out + ".log").toFile()))
                .start();
    }

    private String log(String out) throws IOException {
        return Files.readString(folder.resolve(out + ".log"));
    }

    private long saves(String out) throws IOException {
        return log(out).lines().filter(line -> line.startsWith("saved ")).count();
    }

    private void awaitStep(Process process, String out, int step) throws IOException, InterruptedException {
        while (process.isAlive() && !log(out).contains("step " + step)) {
            TimeUnit.MILLISECONDS.sleep(20);
        }
        assertThat(process.isAlive()).as(log(out)).isTrue();
    }

    @Test
    void termSignalSavesAndExitsWithZero() throws IOException, InterruptedException {
        var process = train("a", "trainer.max_steps=1000000", "trainer.log_every_n_steps=1");
        awaitStep(process, "a", 3);
        // SIGTERM
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(log("a")).isZero();
        assertThat(log("a")).contains("saved ", "stopped; go on with --resume");
        try (var all = Files.list(folder.resolve("a"))) {
            assertThat(all.map(p -> p.getFileName().toString())).anyMatch(name -> name.matches("step-\\d+"));
        }
    }

    @Test
    void killedAgainAndAgainItEndsWhereItWouldHave() throws IOException, InterruptedException {
        var settings = new String[] {
            "--resume",
            "trainer.max_steps=" + STEPS,
            "trainer.log_every_n_steps=1",
            "exp_manager.checkpoint_callback_params.every_n_train_steps=1"
        };
        assertThat(train("straight", settings).waitFor()).as(log("straight")).isZero();
        var seed = new Random().nextLong();
        var random = new Random(seed);
        for (var kill = 0; kill < KILLS; kill++) {
            var process = train("killed", settings);
            // Every third while it starts and resumes, the others while they train and save: only a further
            // save shows that training goes on, as how much a start prints depends on the JVM.
            var saves = saves("killed") + (kill % 3 == 0 ? 0 : 1 + random.nextInt(3));
            while (process.isAlive() && saves("killed") < saves) {
                TimeUnit.MILLISECONDS.sleep(2);
            }
            TimeUnit.MILLISECONDS.sleep(random.nextInt(kill % 3 == 0 ? 600 : 40));
            // SIGKILL
            process.destroyForcibly().waitFor();
        }
        assertThat(train("killed", settings).waitFor())
                .as("seed %d: %s", seed, log("killed"))
                .isZero();
        assertThat(log("killed"))
                .as("seed %d", seed)
                .contains("resuming from ")
                .doesNotContain("passing over a checkpoint");
        assertSameEnd("killed", "seed " + seed);
    }

    /** Same weights, optimizer and state, and the same metrics on the way; the files hold nothing else. */
    private void assertSameEnd(String out, String description) throws IOException {
        for (var file : List.of("model.safetensors", "optimizer.safetensors", "state.json")) {
            assertThat(folder.resolve(out).resolve("step-" + STEPS).resolve(file))
                    .as(description)
                    .hasSameBinaryContentAs(
                            folder.resolve("straight/step-" + STEPS).resolve(file));
        }
        assertThat(losses(out)).as(description).isEqualTo(losses("straight")).hasSize(STEPS);
        try (var files = Files.list(folder.resolve(out))) {
            assertThat(files.map(p -> p.getFileName().toString()))
                    .as(description)
                    .noneMatch(name -> name.endsWith(".partial") || name.endsWith(".tmp"));
        }
    }

    private List<String> losses(String out) throws IOException {
        return Files.readAllLines(folder.resolve(out).resolve("metrics.jsonl")).stream()
                .map(line -> line.replaceAll(".*(\"step\":\\d+),.*(\"train/loss\":[^,}]+).*", "$1 $2"))
                .toList();
    }

    @Test
    void saysWhyItCouldNotSaveWhenItWasStopped() throws IOException, InterruptedException {
        var process = train("a", "trainer.max_steps=1000000", "trainer.log_every_n_steps=1");
        awaitStep(process, "a", 3);
        // In the way of what is saved at the end.
        Files.move(folder.resolve("a"), folder.resolve("elsewhere"));
        Files.writeString(folder.resolve("a"), "no folder");
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(log("a")).isEqualTo(1);
        assertThat(log("a")).contains("clip-run: ", "Not a directory");
    }

    @Test
    void saysHowManySamplesWereLeftOut() throws IOException, InterruptedException {
        Files.writeString(folder.resolve("data/3.png"), "no picture");
        assertThat(train("a", "trainer.max_steps=8").waitFor()).as(log("a")).isZero();
        assertThat(log("a"))
                .contains("3.png: sample left out: ")
                .containsPattern("warning: [1-9] samples were left out of the data as damaged");
    }
}
