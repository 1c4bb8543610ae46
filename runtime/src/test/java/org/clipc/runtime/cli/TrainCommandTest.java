package org.clipc.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.runtime.cli.CommandRunner.clipRun;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.testing.Pictures;
import org.clipc.runtime.testing.ToyProgram;
import org.clipc.runtime.text.ClipTokenizer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainCommandTest {

    @TempDir
    Path folder;

    private Path graph;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        graph = ToyProgram.write(folder.resolve("toy.bin"), ClipTokenizer.VOCABULARY_SIZE);
        data = Pictures.table(folder.resolve("data"), 16);
    }

    private CommandRunner.Result train(String out, Object... more) {
        var args = new ArrayList<Object>(
                List.of("train", "--graph", graph, "--data", data, "--threads", 1, "--out", folder.resolve(out)));
        args.addAll(Arrays.asList(more));
        return clipRun(args.toArray());
    }

    private List<String> checkpoints(String out) throws IOException {
        try (var all = Files.list(folder.resolve(out))) {
            return all.map(p -> p.getFileName().toString())
                    .filter(n -> n.startsWith("step-"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void trainsAndResumesBitForBit() throws IOException {
        train("straight", "trainer.max_steps=6").succeeds();
        train("broken", "trainer.max_steps=3").succeeds();
        train("broken", "trainer.max_steps=3").isRefused("has a training that reached step 3: give --resume");
        train("broken", "--resume", "trainer.max_steps=6").succeeds();
        assertThat(checkpoints("broken")).containsExactly("step-3", "step-6");
        // The schedule ends with the last step, so the first three steps of the two had other rates.
        train("broken2", "trainer.max_steps=3", "model.optim.sched.name=Constant")
                .succeeds();
        train("broken2", "--resume", "trainer.max_steps=6", "model.optim.sched.name=Constant")
                .succeeds();
        train("straight2", "trainer.max_steps=6", "model.optim.sched.name=Constant")
                .succeeds();
        for (var file : List.of("model.safetensors", "optimizer.safetensors", "state.json")) {
            assertThat(folder.resolve("broken2/step-6").resolve(file))
                    .hasSameBinaryContentAs(folder.resolve("straight2/step-6").resolve(file));
        }
    }

    @Test
    void recordsMetricsAndValidates() throws IOException {
        var settings = new Object[] {
            "--resume",
            "trainer.val_check_interval=2",
            "trainer.limit_val_batches=2",
            "model.data.validation.dataset_path=" + data,
            "trainer.max_steps=3"
        };
        train("a", settings).succeeds();
        settings[4] = "trainer.max_steps=5";
        train("a", settings).succeeds();
        var lines = Files.readAllLines(folder.resolve("a/metrics.jsonl"));
        assertThat(lines).hasSize(5).allMatch(line -> line.contains("\"train/loss\":"));
        assertThat(lines.get(0)).startsWith("{\"step\":1,").doesNotContain("val/");
        assertThat(lines.get(1)).contains("\"val/image_to_text_r1\":", "\"val/text_to_image_r10\":1");
        assertThat(lines.get(4)).startsWith("{\"step\":5,").contains("\"val/image_to_text_r1\":");
        try (var all = Files.list(folder.resolve("a"))) {
            assertThat(all.map(p -> p.getFileName().toString()).filter(n -> n.startsWith("events.out.tfevents")))
                    .hasSize(2);
        }
    }

    @Test
    void classifiesWhileItTrains() throws IOException {
        var classes = Pictures.classes(folder.resolve("classes"), 12);
        var templates = Files.writeString(folder.resolve("templates.txt"), "a {} picture\n");
        var settings = new Object[] {
            "trainer.val_check_interval=20",
            "model.data.imagenet_val=" + classes,
            "model.data.imagenet_templates=" + templates,
            "trainer.max_steps=60",
            "model.optim.lr=0.02"
        };
        train("a", settings).succeeds();
        var told = Files.readAllLines(folder.resolve("a/metrics.jsonl")).stream()
                .filter(line -> line.contains("val/"))
                .toList();
        assertThat(told).hasSize(3).allMatch(line -> line.contains("\"val/zeroshot_top5\":1"));
        assertThat(told.getLast()).startsWith("{\"step\":60,").contains("\"val/zeroshot_top1\":1");
        settings[3] = "trainer.max_steps=61";
        settings[1] = "model.data.imagenet_val=" + Pictures.classes(folder.resolve("moved"), 12);
        var more = new ArrayList<Object>(List.of("--resume"));
        more.addAll(Arrays.asList(settings));
        assertThat(train("a", more.toArray()).succeeds().err()).doesNotContain("not those that this training began");
    }

    @Test
    void saysBeforeItTrainsThatImagesCannotBeClassified() throws IOException {
        var classes = Pictures.classes(folder.resolve("classes"), 12);
        validating("model.data.imagenet_val=" + data)
                .isRefused("pairs.csv: names no classes by folders: give the classes with model.data.imagenet_classes");
        validating("model.data.imagenet_val=" + data, "model.data.imagenet_classes=[red,blue]")
                .isRefused("pairs.csv: 0.png has no label");
        validating("model.data.imagenet_val=" + classes, "model.data.imagenet_classes=[red,blue]")
                .isRefused("model.data.imagenet_classes: names 2 classes, but ", "has folders of 4");
        validating("model.data.imagenet_val=" + classes, "model.data.imagenet_classes=names.txt")
                .isRefused("model.data.imagenet_classes: there is no file names.txt");
        validating("model.data.imagenet_val=" + classes, "model.data.imagenet_templates=none.txt")
                .isRefused("none.txt: no such file");
        assertThat(folder.resolve("a/metrics.jsonl")).doesNotExist();
    }

    private CommandRunner.Result validating(Object... settings) {
        var all = new ArrayList<Object>(List.of("trainer.val_check_interval=5", "trainer.max_steps=5"));
        all.addAll(Arrays.asList(settings));
        return train("a", all.toArray());
    }

    @Test
    void readsTablesWhoseColumnsHaveOtherNames() throws IOException {
        var lines = Files.readAllLines(data);
        lines.set(0, "photo,alt");
        var table =
                Files.write(Files.createDirectories(folder.resolve("tables")).resolve("t.csv"), lines);
        var root = folder.resolve("data");
        data = table;
        train("a", "trainer.max_steps=1")
                .isRefused("t.csv: header: has no column filepath or ", "for the images", "model.data.image_column");
        train("a", "trainer.max_steps=1", "model.data.image_column=photo", "model.data.caption_column=alt")
                .isRefused("10000 samples in a row could not be used", "there is no such file");
        train(
                        "a",
                        "trainer.max_steps=1",
                        "model.data.image_column=photo",
                        "model.data.caption_column=alt",
                        "model.data.image_root=" + root)
                .succeeds();
        clipRun(
                        "retrieval",
                        "--graph",
                        graph,
                        "--data",
                        table,
                        "--image-column",
                        "photo",
                        "--caption-column",
                        "alt",
                        "--image-root",
                        root)
                .succeeds();
    }

    @Test
    void countsStepsByEpochs() throws IOException {
        train("a", "trainer.max_steps=-1", "trainer.max_epochs=2").succeeds();
        assertThat(checkpoints("a")).containsExactly("step-8");
        train("b", "trainer.max_steps=20", "trainer.max_epochs=2").succeeds();
        assertThat(checkpoints("b")).containsExactly("step-8");
        train("c", "trainer.max_steps=3", "trainer.max_epochs=2").succeeds();
        assertThat(checkpoints("c")).containsExactly("step-3");
        data = Pictures.table(folder.resolve("few"), 3);
        train("d", "trainer.max_steps=9", "trainer.max_epochs=4").succeeds();
        assertThat(checkpoints("d")).containsExactly("step-3");
        train("e", "trainer.max_steps=-1", "trainer.max_epochs=4")
                .isRefused("the data has 3 samples, less than one batch of 4");
    }

    @Test
    void theTrainedModelFindsWhatItWasShown() throws IOException {
        train("a", "trainer.max_steps=60", "model.optim.lr=0.02").succeeds();
        var out = clipRun("retrieval", "--graph", graph, "--weights", folder.resolve("a"), "--data", data)
                .succeeds()
                .out();
        assertThat(score(out, "image_to_text_r5")).isGreaterThan(90);
        var classes = Pictures.classes(folder.resolve("classes"), 12);
        var templates = Files.writeString(folder.resolve("templates.txt"), "a {} picture\n");
        var zeroShot = clipRun(
                        "zeroshot",
                        "--graph",
                        graph,
                        "--weights",
                        folder.resolve("a/step-60"),
                        "--data",
                        classes,
                        "--templates",
                        templates,
                        "--out",
                        folder.resolve("answers.jsonl"))
                .succeeds()
                .out();
        assertThat(score(zeroShot, "top1")).isGreaterThan(90);
        assertThat(Files.readAllLines(folder.resolve("answers.jsonl")))
                .hasSize(12)
                .first()
                .asString()
                .contains("\"answers\":[{\"class\":\"blue\",\"similarity\":");
    }

    private static double score(String out, String name) {
        var matcher = Pattern.compile(name + " +([0-9.]+)%").matcher(out);
        assertThat(matcher.find()).as(out).isTrue();
        return Double.parseDouble(matcher.group(1));
    }

    @Test
    void embedsImagesAndTexts() throws IOException {
        var texts = Files.writeString(folder.resolve("texts.txt"), "a red picture\na blue picture\nother\n");
        var out = folder.resolve("e.safetensors");
        clipRun("embed", "--graph", graph, "--images", data, "--texts", texts, "--out", out)
                .succeeds();
        try (var file = SafetensorsFile.open(out)) {
            assertThat(file.tensor("image_features").shape()).containsExactly(16L, (long) ToyProgram.DIM);
            assertThat(file.tensor("text_features").shape()).containsExactly(3L, (long) ToyProgram.DIM);
            assertThat(file.metadata().get("text_keys")).contains("\"a red picture\"");
        }
        var lines = folder.resolve("e.jsonl");
        clipRun("embed", "--graph", graph, "--images", data, "--limit", 5, "--out", lines)
                .succeeds();
        assertThat(Files.readAllLines(lines)).hasSize(5).allMatch(l -> l.startsWith("{\"kind\":\"image\",\"key\":"));
    }

    /** A safetensors file with a header of more than 100 MB is no such file. */
    @Test
    void keysTooLongForAHeaderAreATensor() throws IOException {
        var line = "a \"red\" picture".repeat(1_000_000 / 15);
        var texts = Files.writeString(folder.resolve("long.txt"), (line + "\n").repeat(90));
        var out = folder.resolve("long.safetensors");
        clipRun("embed", "--graph", graph, "--texts", texts, "--out", out).succeeds();
        try (var file = SafetensorsFile.open(out)) {
            assertThat(file.tensor("text_features").shape()).containsExactly(90L, (long) ToyProgram.DIM);
            var keys =
                    new String(file.tensor("text_keys").data().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
            assertThat(new ObjectMapper().readValue(keys, String[].class))
                    .hasSize(90)
                    .containsOnly(line);
        }
    }

    @Test
    void tellsWhatIsWrong() throws IOException {
        train("a", "trainer.max_step=6").isRefused("there is no key 'trainer.max_step'", "trainer.max_steps");
        train("a", "model.optim.weight_decay=0.1").isRefused("'model.optim.weight_decay' is compiled into the program");
        train("a", "trainer.max_steps=many").isRefused("'trainer.max_steps' must be a whole number, not 'many'");
        train("a", "trainer.max_steps=0").isRefused("training has no end");
        clipRun("train", "--graph", graph, "--data", folder.resolve("none.csv")).isRefused("none.csv");
        clipRun("train", "--graph", graph, "--data", "shards/{000..003}.tar").isRefused("shards/000.tar");
        clipRun("train", "--graph", graph).isRefused("give --data or model.data.train.dataset_path");
        clipRun("zeroshot", "--graph", graph, "--data", data, "--classes", "clases.txt")
                .isRefused("--classes: there is no file clases.txt, and no comma");
        var latin = folder.resolve("latin.txt");
        Files.writeString(latin, "tea\ncaf\u00e9\n", StandardCharsets.ISO_8859_1);
        clipRun("embed", "--graph", graph, "--texts", latin, "--out", folder.resolve("e.jsonl"))
                .isRefused("latin.txt: line 2: is not UTF-8");
        clipRun("zeroshot", "--graph", graph, "--data", data, "--classes", latin)
                .isRefused("latin.txt: line 2: is not UTF-8");
        train("a", "lr").isRefused("'lr' is not of the form key=value");
        clipRun("embed", "--graph", graph, "--out", folder.resolve("e.jsonl")).isRefused("nothing to embed");
        clipRun("embed", "--graph", graph, "--images", data, "--out", folder.resolve("e.txt"))
                .isRefused("--out must end in .safetensors or .jsonl");
        clipRun("zeroshot", "--graph", graph, "--data", data).isRefused("give the classes with --classes");
        clipRun("zeroshot", "--graph", graph, "--data", data, "--classes", "a,b")
                .isRefused("not all images have labels");
        clipRun("retrieval", "--graph", graph, "--weights", folder, "--data", data)
                .isRefused("holds no complete checkpoint");
        var small = ToyProgram.write(folder.resolve("small.bin"), 20);
        clipRun("train", "--graph", small, "--data", data, "--out", folder.resolve("b"))
                .isRefused("the model knows 20 tokens, but CLIP's tokenizer gives 49408");
    }

    @Test
    void trainingThatDivergesSaysSo() {
        train("a", "trainer.max_steps=50", "model.optim.lr=1e38", "trainer.max_skipped_steps=2")
                .isRefused("batches in a row was not finite", "lower model.optim.lr");
    }

    @Test
    void theRecipeMayAskToGoOn() throws IOException {
        train("a", "trainer.max_steps=2").succeeds();
        train("a", "trainer.max_steps=3", "exp_manager.resume_if_exists=false")
                .isRefused("has a training that reached step 2");
        train("a", "trainer.max_steps=3", "exp_manager.resume_if_exists=true").succeeds();
        assertThat(checkpoints("a")).containsExactly("step-2", "step-3");
    }

    @Test
    void noBatchesToValidateOnMeanNoValidation() throws IOException {
        train(
                        "a",
                        "trainer.val_check_interval=1",
                        "trainer.limit_val_batches=0",
                        "model.data.validation.dataset_path=" + data,
                        "trainer.max_steps=2")
                .succeeds();
        assertThat(Files.readString(folder.resolve("a/metrics.jsonl"))).doesNotContain("val/");
    }
}
