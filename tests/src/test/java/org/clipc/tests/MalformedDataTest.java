package org.clipc.tests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.tests.Commands.clipRun;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.clipc.runtime.data.source.ShardWriter;
import org.clipc.runtime.io.AtomicFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tensors, shards, pictures and checkpoints that are damaged, missing, or something else altogether. */
class MalformedDataTest {

    private static final int CASES = 40;

    @TempDir
    Path folder = Path.of("");

    private Commands.Result run(Path weights, Path inputs, Path out) {
        return clipRun(
                "run",
                "--graph",
                Commands.tiny("--batch", "6", "--target", "jvm128", "--no-training"),
                "--entry",
                "encode_text",
                "--weights",
                weights,
                "--inputs",
                inputs,
                "--out",
                out);
    }

    private static Path trainable() {
        return Commands.tiny(Dataset.KEYS.toArray(String[]::new));
    }

    private Commands.Result train(Object data, String out, Object... more) {
        var words = Stream.concat(
                Stream.of(
                        "train",
                        "--graph",
                        trainable(),
                        "--data",
                        data,
                        "--out",
                        folder.resolve(out),
                        "trainer.max_steps=2"),
                Arrays.stream(more));
        return clipRun(words.toArray());
    }

    @ParameterizedTest
    @ValueSource(strings = {"weights", "batch"})
    void damagedTensorsAreToldOrReadAsTheyStand(String golden) throws IOException {
        var seed = new Random().nextLong();
        var random = new Random(seed);
        var whole = Files.readAllBytes(Golden.file(golden));
        var path = folder.resolve("damaged.safetensors");
        var out = folder.resolve("out.safetensors");
        for (var i = 0; i < CASES; i++) {
            // Flips nearly always hit the numbers, of which all are valid: half of the cases aim at the header.
            var header = Arrays.copyOf(whole, Math.min(whole.length, 4096));
            var start = i % 2 == 0 ? whole : Damage.some(header, random);
            var bytes = i % 2 == 0
                    ? Damage.some(whole, random)
                    : join(start, Arrays.copyOfRange(whole, header.length, whole.length));
            Files.write(path, bytes);
            Files.deleteIfExists(out);
            var result = golden.equals("weights")
                    ? run(path, Golden.file("batch"), out)
                    : run(Golden.file("weights"), path, out);
            assertThat(result.code())
                    .as("seed %d, case %d: %s", seed, i, result)
                    .isIn(0, 2);
            if (result.code() == 2) {
                result.isRefused("damaged.safetensors");
            }
            assertThat(Files.exists(out)).isEqualTo(result.code() == 0);
        }
    }

    private static byte[] join(byte[] a, byte[] b) {
        var all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }

    @Test
    void tensorsThatAreSomethingElse() throws IOException {
        var out = folder.resolve("out.safetensors");
        var batch = Golden.file("batch");
        var weights = Golden.file("weights");
        run(folder, batch, out).isRefused(folder + ": holds no complete checkpoint");
        run(weights, folder, out).isRefused(folder.toString());
        run(folder.resolve("none"), batch, out).isRefused("none: no such file");
        run(weights, Files.createFile(folder.resolve("empty")), out).isRefused("empty: is too short");
        run(batch, batch, out).isRefused("batch.safetensors: does not hold the weights of this model");
        run(weights, weights, out).isRefused("weights.safetensors: has no tensor named tokens or texts");
        assertThat(out).doesNotExist();
        run(weights, batch, folder).isRefused(folder.toString());
        run(weights, batch, Files.createFile(folder.resolve("file")).resolve("out"))
                .isRefused("file");
        try (var files = Files.list(folder)) {
            assertThat(files.map(p -> p.getFileName().toString())).containsExactlyInAnyOrder("empty", "file");
        }
    }

    @Test
    void shardsThatAreMissingOrSomethingElse() throws IOException {
        Dataset.shards(folder.resolve("data"), 16);
        train(folder.resolve("data/{0..3}.tar"), "a").isRefused("2.tar");
        train(folder.resolve("data/{0..3.tar"), "a").isRefused("{0..3.tar");
        train(folder.resolve("data/0.tgz"), "a").isRefused("0.tgz: compressed shards are not read");
        train("s3://bucket/0.tar", "a").isRefused("only files are read");
        Files.createDirectories(folder.resolve("data/3.tar"));
        train(folder.resolve("data/3.tar"), "a").isRefused("3.tar");
        train(folder.resolve("data/{0,3}.tar"), "a").isRefused("3.tar");
        assertThat(folder.resolve("a")).doesNotExist();
        Files.createFile(folder.resolve("data/4.tar"));
        train(folder.resolve("data/4.tar"), "a").isRefused("4.tar");
        Files.write(folder.resolve("data/5.tar"), new byte[100_000]);
        train(folder.resolve("data/5.tar"), "a").isRefused("5.tar");
        Files.writeString(folder.resolve("t.csv"), "picture,words\na.png,b\n");
        train(folder.resolve("t.csv"), "a").isRefused("t.csv");
        Files.writeString(folder.resolve("t.csv"), "image,caption\nnone.png,b\n");
        train(folder.resolve("t.csv"), "a").isRefused("none.png");
    }

    @Test
    void damagedShardsAreToldOrTheirGoodSamplesUsed() throws IOException {
        var seed = new Random().nextLong();
        var random = new Random(seed);
        Dataset.shards(folder.resolve("data"), 24);
        var whole = Files.readAllBytes(folder.resolve("data/0.tar"));
        for (var i = 0; i < CASES / 2; i++) {
            Files.write(folder.resolve("data/1.tar"), Damage.some(whole, random));
            var result = train(folder.resolve("data/{0,1}.tar"), "run" + i, "trainer.max_steps=1");
            assertThat(result.code())
                    .as("seed %d, case %d: %s", seed, i, result)
                    .isIn(0, 2);
            if (result.code() == 2) {
                result.isRefused("1.tar");
            }
        }
    }

    @Test
    void damagedPicturesAreSkipped() throws IOException {
        var seed = new Random().nextLong();
        var random = new Random(seed);
        var shard = folder.resolve("0.tar");
        var broken = Map.of(
                "text", "no picture".getBytes(UTF_8),
                "empty", new byte[0],
                "huge", hugePng());
        AtomicFile.write(shard, channel -> {
            var writer = new ShardWriter(channel);
            for (var i = 0; i < 30; i++) {
                var files = new LinkedHashMap<>(Dataset.sample(i));
                if (i % 3 == 1) {
                    files.put("png", Damage.some(Objects.requireNonNull(files.get("png")), random));
                }
                writer.add("%04d".formatted(i), files);
            }
            for (var picture : broken.entrySet()) {
                writer.add(picture.getKey(), Map.of("png", picture.getValue(), "txt", "x".getBytes(UTF_8)));
            }
            writer.finish();
        });
        train(shard, "run", "trainer.max_steps=6").succeeds();
        var out = folder.resolve("features.jsonl");
        clipRun("embed", "--graph", trainable(), "--images", shard, "--out", out)
                .succeeds();
        assertThat(Files.readAllLines(out))
                .as("seed %d", seed)
                .hasSizeBetween(20, 30)
                .noneMatch(line -> line.contains("\"key\":\"text\""));
    }

    /** A picture that says it is 60,000 by 60,000 pixels. */
    private static byte[] hugePng() throws IOException {
        var png = Objects.requireNonNull(Dataset.sample(0).get("png")).clone();
        var header = ByteBuffer.wrap(png);
        header.putInt(16, 60_000).putInt(20, 60_000);
        var crc = new CRC32();
        crc.update(png, 12, 17);
        header.putInt(29, (int) crc.getValue());
        return png;
    }

    @Test
    void aDatasetWithoutAnyGoodSampleIsTold() throws IOException {
        var shard = folder.resolve("0.tar");
        AtomicFile.write(shard, channel -> {
            var writer = new ShardWriter(channel);
            for (var i = 0; i < 20; i++) {
                writer.add("%04d".formatted(i), Map.of("png", new byte[50], "txt", "x".getBytes(UTF_8)));
            }
            writer.finish();
        });
        train(shard, "run").isRefused("0.tar");
        clipRun("embed", "--graph", trainable(), "--images", shard, "--out", folder.resolve("e.jsonl"))
                .isRefused("0.tar");
        assertThat(folder.resolve("e.jsonl")).doesNotExist();
    }

    @Test
    void damagedCheckpointsArePassedOverForOlderOnes() throws IOException {
        var seed = new Random().nextLong();
        var random = new Random(seed);
        var data = Dataset.shards(folder.resolve("data"), 24);
        var settings = new Object[] {
            "trainer.max_steps=4",
            "exp_manager.checkpoint_callback_params.every_n_train_steps=2",
            "model.optim.sched.name=Constant"
        };
        train(data, "run", settings).succeeds();
        var run = folder.resolve("run");
        var expected = Files.readAllBytes(run.resolve("step-4/model.safetensors"));
        for (var file : List.of("model.safetensors", "optimizer.safetensors", "state.json")) {
            var path = run.resolve("step-4").resolve(file);
            var whole = Files.readAllBytes(path);
            Files.write(path, Damage.some(whole, random));
            train(
                            data,
                            "run",
                            Stream.concat(Stream.of("--resume"), Arrays.stream(settings))
                                    .toArray())
                    .succeeds();
            assertThat(run.resolve("step-4/model.safetensors"))
                    .as("seed %d, %s", seed, file)
                    .hasBinaryContent(expected);
        }
        for (var step : List.of("step-2", "step-4")) {
            Files.writeString(run.resolve(step).resolve("state.json"), "{}");
        }
        clipRun("retrieval", "--graph", trainable(), "--weights", run, "--data", data)
                .isRefused("run: holds no complete checkpoint");
        clipRun("retrieval", "--graph", trainable(), "--weights", run.resolve("step-4"), "--data", data)
                .isRefused("state.json: is damaged");
        train(data, "run", "--resume").isRefused("run");
    }
}
