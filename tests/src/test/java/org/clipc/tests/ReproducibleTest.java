package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.tests.Commands.clipRun;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.clipc.compiler.cli.Clipc;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same source gives the same program, and the same program, data and seed the same model. */
class ReproducibleTest {

    @TempDir
    Path folder = Path.of("");

    /** Compiles a copy of the project's models in a process of its own. */
    private Path compileElsewhere(String name, String... flags) throws IOException, InterruptedException {
        var home = folder.resolve(name);
        for (var part : List.of("clip-graphs", "configs")) {
            copy(Golden.graphs().resolveSibling(part), home.resolve(part));
        }
        var command = Stream.of(
                        Stream.of(Path.of(System.getProperty("java.home"), "bin", "java")
                                .toString()),
                        Stream.of(flags),
                        Stream.of(
                                "-Dclipc.home=" + home,
                                "-cp",
                                System.getProperty("java.class.path"),
                                Clipc.class.getName(),
                                "compile",
                                "clip-graphs/tiny.clip",
                                "-o",
                                name + ".bin",
                                "--keep-sources"))
                .flatMap(words -> words)
                .toList();
        var log = folder.resolve(name + ".log");
        var process = new ProcessBuilder(command)
                .directory(home.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        assertThat(process.waitFor()).as(Files.readString(log)).isZero();
        return home.resolve(name + ".bin");
    }

    private static void copy(Path from, Path to) throws IOException {
        try (var all = Files.walk(from)) {
            for (var path : all.toList()) {
                var target = to.resolve(from.relativize(path).toString());
                if (Files.isDirectory(path)) {
                    Files.createDirectories(target);
                } else {
                    Files.copy(path, target);
                }
            }
        }
    }

    @Test
    void compilingElsewhereGivesTheSameBytes() throws IOException, InterruptedException {
        var first =
                compileElsewhere("one", "-XX:TieredStopAtLevel=1", "-Duser.language=tr", "-Duser.timezone=Asia/Tokyo");
        var second = compileElsewhere("two", "-XX:ActiveProcessorCount=1", "-Dfile.encoding=ISO-8859-1");
        assertThat(first).hasSameBinaryContentAs(second);
        var third = folder.resolve("three.bin");
        Commands.compile("tiny", third, "--keep-sources").succeeds();
        assertThat(third).hasSameBinaryContentAs(first);
    }

    private Path train(Path data, String out, Object... more) {
        var words = Stream.concat(
                Stream.of(
                        "train",
                        "--graph",
                        Commands.tiny(Dataset.KEYS.toArray(String[]::new)),
                        "--data",
                        data,
                        "--out",
                        folder.resolve(out),
                        "--threads",
                        2,
                        "trainer.max_steps=6",
                        "model.data.num_workers=2"),
                Stream.of(more));
        clipRun(words.toArray()).succeeds();
        return folder.resolve(out);
    }

    @Test
    void trainingTwiceGivesTheSameCheckpoint() throws IOException {
        var data = Dataset.shards(folder.resolve("data"), 40);
        var first = train(data, "first").resolve("step-6");
        var second = train(data, "second").resolve("step-6");
        var other = train(data, "other", "--seed", 5).resolve("step-6");
        for (var file : List.of("model.safetensors", "optimizer.safetensors")) {
            assertThat(second.resolve(file)).hasSameBinaryContentAs(first.resolve(file));
            assertThat(Files.mismatch(other.resolve(file), first.resolve(file))).isNotNegative();
        }
    }
}
