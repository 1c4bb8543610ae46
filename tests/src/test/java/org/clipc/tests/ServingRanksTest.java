package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.tests.Commands.clipRun;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model that ranks hold in parts serves as a whole one does, and its copies share the work. */
class ServingRanksTest {

    private static final double TOLERANCE = 2e-5;

    @TempDir
    Path folder = Path.of("");

    private static Path program(String... keys) {
        var all = new ArrayList<>(List.of("--target", "jvm128", "model.inference_batch_size=4"));
        all.addAll(Dataset.KEYS);
        all.addAll(List.of(keys));
        return Commands.tiny(all.toArray(String[]::new));
    }

    private static Commands.Result run(String command, Path program, Object... more) {
        return clipRun(Stream.concat(Stream.of(command, "--graph", program), Arrays.stream(more))
                        .toArray())
                .succeeds();
    }

    private static void close(Map<String, Tensor64> actual, Map<String, Tensor64> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, tensor) -> {
            var other = Objects.requireNonNull(actual.get(name));
            assertThat(other.type()).as(name).isEqualTo(tensor.type());
            assertThat(other.data()).as(name).containsExactly(tensor.data(), within(TOLERANCE));
        });
    }

    @Test
    void partsAndCopiesEmbedAndMeasureAsOneModel() throws IOException {
        var whole = program();
        var parts = program("trainer.devices=4", "model.tensor_model_parallel_size=2");
        var data = Dataset.shards(folder.resolve("data"), 22);
        var texts = Files.write(folder.resolve("texts"), List.of("red", "a green one", "blue", "yellow", "nothing"));
        var out = folder.resolve("out.safetensors");
        var embedding = new Object[] {"--images", data, "--texts", texts, "--out", out};
        run("embed", whole, embedding);
        var expected = Golden.read(out);
        run("embed", parts, embedding);
        close(Golden.read(out), expected);
        run(
                "embed",
                parts,
                Stream.concat(Arrays.stream(embedding), Stream.of("--ranks", 4)).toArray());
        close(Golden.read(out), expected);

        var scores = run("retrieval", whole, "--data", data).out();
        assertThat(run("retrieval", parts, "--data", data).out()).isEqualTo(scores);
        assertThat(run("retrieval", parts, "--data", data, "--ranks", 4).out()).isEqualTo(scores);
        var classes = new Object[] {"--data", data, "--classes", "red,green,blue,yellow", "--templates", "plain"};
        assertThat(run("zeroshot", parts, classes).out())
                .isEqualTo(run("zeroshot", whole, classes).out());
        clipRun("embed", "--graph", parts, "--ranks", 3, "--texts", texts, "--out", out)
                .isRefused("--ranks is 3, but the program runs on 2, which hold its parts, or on 4");
    }

    @Test
    void partsRunAnEntryPointAsOneModel() {
        var out = folder.resolve("out.safetensors");
        var words = new Object[] {
            "--entry",
            "loss",
            "--weights",
            Golden.file("weights"),
            "--inputs",
            Golden.file("batch"),
            "--out",
            out,
            "--steps",
            2
        };
        run("run", Commands.tiny("--target", "jvm128", "--batch", "6"), words);
        var expected = Golden.read(out);
        var keys = new String[] {"--target", "jvm128", "--batch", "6", "model.tensor_model_parallel_size=2"};
        var parts = Stream.concat(Arrays.stream(keys), Stream.of("trainer.devices=2"))
                .toArray(String[]::new);
        run("run", Commands.tiny(parts), words);
        close(Golden.read(out), expected);
        var copies = Stream.concat(Arrays.stream(keys), Stream.of("trainer.devices=4"))
                .toArray(String[]::new);
        clipRun(Stream.concat(Stream.of("run", "--graph", Commands.tiny(copies)), Arrays.stream(words))
                        .toArray())
                .isRefused("--steps takes one batch, but this program's is divided among 2", "trainer.devices=2");
        clipRun(Stream.concat(Stream.of("run", "--grad", "--graph", Commands.tiny(parts)), Arrays.stream(words))
                        .toArray())
                .isRefused("--grad needs whole gradients, which the 2 ranks", "trainer.devices=1");
    }
}
