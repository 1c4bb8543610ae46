package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.tests.Commands.clipRun;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code clip-run train --ranks}: with dropout, from real data, and on to another mesh. */
class MeshCommandTest {

    private static final double TOLERANCE = 1e-5;

    @TempDir
    Path folder = Path.of("");

    private static Path program(String... keys) {
        var all = new ArrayList<>(List.of("--target", "jvm128"));
        all.addAll(Dataset.KEYS);
        all.addAll(List.of(keys));
        return Commands.tiny(all.toArray(String[]::new));
    }

    private Commands.Result train(Path program, Path data, String out, int steps, Object... more) {
        var words = new ArrayList<Object>(List.of(
                "train",
                "--graph",
                program,
                "--data",
                data,
                "--out",
                folder.resolve(out),
                "--resume",
                "trainer.max_steps=" + steps,
                "model.optim.sched.name=Constant",
                "trainer.log_every_n_steps=1",
                "exp_manager.ema.enable=true",
                "exp_manager.ema.decay=0.5"));
        words.addAll(Arrays.asList(more));
        return clipRun(words.toArray());
    }

    @Test
    void goesOnOnAnotherMeshAsOneRankWould() throws IOException {
        var data = Dataset.shards(folder.resolve("data"), 40);
        train(program("model.micro_batch_size=8"), data, "one", 4).succeeds();
        var four = program(
                "model.micro_batch_size=4",
                "trainer.devices=4",
                "model.tensor_model_parallel_size=2",
                "model.sequence_parallel=true",
                "model.optim.name=distributed_fused_adam");
        train(four, data, "four", 2, "--ranks", 4).succeeds();
        var wide = program("model.micro_batch_size=2", "trainer.devices=4");
        train(wide, data, "four", 4, "--ranks", 4).succeeds();
        for (var file : List.of("model", "optimizer", "ema")) {
            var expected = Golden.read(folder.resolve("one/step-4/" + file + ".safetensors"));
            var actual = Golden.read(folder.resolve("four/step-4/" + file + ".safetensors"));
            assertThat(actual.keySet()).isEqualTo(expected.keySet());
            expected.forEach((name, tensor) -> {
                var other = Objects.requireNonNull(actual.get(name));
                assertThat(other.type()).as(name).isEqualTo(tensor.type());
                var furthest = IntStream.range(0, tensor.size())
                        .mapToDouble(i -> Math.abs(tensor.get(i) - other.get(i)))
                        .max();
                assertThat(furthest.orElse(0)).as(file + " " + name).isLessThan(TOLERANCE);
            });
        }
    }

    /** Ranks leave out damaged samples, not all as many, and so stand at different places in the data. */
    @Test
    void resumesBitForBitWithDamagedSamples() throws IOException {
        var data = Dataset.shards(folder.resolve("data"), 40, Set.of(3, 4, 11, 30));
        var four = program(
                "model.micro_batch_size=4",
                "trainer.devices=4",
                "model.tensor_model_parallel_size=2",
                "model.sequence_parallel=true",
                "model.optim.name=distributed_fused_adam");
        train(four, data, "straight", 9, "--ranks", 4).succeeds();
        for (var steps : List.of(2, 5, 6, 9)) {
            train(four, data, "broken", steps, "--ranks", 4).succeeds();
        }
        for (var file : List.of("model", "optimizer", "ema")) {
            assertThat(folder.resolve("broken/step-9/" + file + ".safetensors"))
                    .hasSameBinaryContentAs(folder.resolve("straight/step-9/" + file + ".safetensors"));
        }
        assertThat(losses("broken")).hasSize(9).isEqualTo(losses("straight"));
        assertThat(folder.resolve("broken/step-9/state.json")).content().contains("apart");
        var one = program("model.micro_batch_size=8");
        train(one, data, "broken", 10).succeeds();
        assertThat(folder.resolve("broken/step-10")).isDirectory();
    }

    private List<String> losses(String out) throws IOException {
        return Files.readAllLines(folder.resolve(out).resolve("metrics.jsonl")).stream()
                .map(line -> line.replaceAll(".*(\"step\":\\d+),.*(\"train/loss\":[^,}]+).*", "$1 $2"))
                .toList();
    }

    @Test
    void otherRanksThanTheProgramsAreRefused() throws IOException {
        var data = Dataset.shards(folder.resolve("data"), 40);
        train(program("model.micro_batch_size=8"), data, "one", 1, "--ranks", 2)
                .isRefused("--ranks is 2, but the program is for 1");
        Commands.compile("tiny", folder.resolve("p.bin"), "trainer.devices=8", "model.tensor_model_parallel_size=8")
                .succeeds()
                .says("model.vision.num_attention_heads is 4, which 8 tensor-parallel ranks cannot share");
        Commands.compile("tiny", folder.resolve("p.bin"), "trainer.devices=3", "model.tensor_model_parallel_size=2")
                .isRefused("the number of ranks, is 3: it must be a multiple");
    }
}
