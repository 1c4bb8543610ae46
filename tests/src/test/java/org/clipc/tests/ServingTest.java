package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.tests.Commands.clipRun;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole road: a compiled model learns from shards, and then embeds, classifies and finds. */
class ServingTest {

    @TempDir
    Path folder = Path.of("");

    private static double metric(String line, String name) {
        var matcher = Pattern.compile("\"" + name + "\":([-0-9.E]+)").matcher(line);
        assertThat(matcher.find()).as(line).isTrue();
        return Double.parseDouble(matcher.group(1));
    }

    private static double score(String out, String name) {
        var matcher = Pattern.compile(name + " +([0-9.]+)%").matcher(out);
        assertThat(matcher.find()).as(out).isTrue();
        return Double.parseDouble(matcher.group(1));
    }

    @Test
    void aTrainedModelServes() throws IOException {
        var program = Commands.tiny(Dataset.KEYS.toArray(String[]::new));
        var data = Dataset.shards(folder.resolve("data"), 64);
        var run = folder.resolve("run");
        var unseen = Dataset.shards(folder.resolve("unseen"), 200);
        var templates = Files.writeString(folder.resolve("templates.txt"), "a picture in {}\n");
        clipRun(
                        "train",
                        "--graph",
                        program,
                        "--data",
                        data,
                        "--out",
                        run,
                        "trainer.max_steps=60",
                        "model.optim.lr=3e-3",
                        "trainer.val_check_interval=60",
                        "model.data.imagenet_val=" + unseen,
                        "model.data.imagenet_classes=[" + String.join(",", Dataset.COLOURS) + "]",
                        "model.data.imagenet_templates=" + templates)
                .succeeds();

        var classified = clipRun(
                        "zeroshot",
                        "--graph",
                        program,
                        "--weights",
                        run,
                        "--data",
                        unseen,
                        "--classes",
                        String.join(",", Dataset.COLOURS),
                        "--templates",
                        templates)
                .succeeds();
        assertThat(score(classified.out(), "top1")).isGreaterThan(80);
        var metrics = Files.readAllLines(run.resolve("metrics.jsonl")).getLast();
        assertThat(100 * metric(metrics, "val/zeroshot_top1")).isCloseTo(score(classified.out(), "top1"), within(0.01));
        assertThat(metric(metrics, "train/mfu")).isBetween(1e-5, 1.0);

        var found = clipRun(
                        "retrieval",
                        "--graph",
                        program,
                        "--weights",
                        run.resolve("step-60"),
                        "--data",
                        data,
                        "--limit",
                        8)
                .succeeds();
        assertThat(score(found.out(), "image_to_text_r5")).isGreaterThan(60);

        var texts = Files.writeString(folder.resolve("texts.txt"), "a picture in red\na picture in blue\n");
        var out = folder.resolve("features.safetensors");
        clipRun(
                        "embed",
                        "--graph",
                        program,
                        "--weights",
                        run,
                        "--images",
                        unseen,
                        "--limit",
                        6,
                        "--texts",
                        texts,
                        "--out",
                        out)
                .succeeds();
        var features = Golden.read(out);
        assertThat(features.keySet()).containsExactlyInAnyOrder("image_features", "text_features");
        var images = Objects.requireNonNull(features.get("image_features"));
        assertThat(images.type()).hasToString("f32[6,32]");
        // Samples 0 and 2 of the two shards come in turn: a red picture is nearer to its caption than to the other.
        var captions = Objects.requireNonNull(features.get("text_features"));
        assertThat(dot(images.data(), captions.data(), 0)).isGreaterThan(dot(images.data(), captions.data(), 32));
    }

    private static double dot(double[] images, double[] texts, int from) {
        var sum = 0.0;
        for (var i = 0; i < 32; i++) {
            sum += images[i] * texts[from + i];
        }
        return sum;
    }
}
