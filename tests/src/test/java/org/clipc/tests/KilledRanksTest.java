package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ranks that are processes, of which one is killed again and again while they train and save: the others stop, say who is
 * gone and in what, and training goes on from the last checkpoint as if nothing had happened.
 */
@Tag("process")
class KilledRanksTest {

    /** {@code -Dclipc.test.kills=20} takes three minutes on two cores. */
    private static final int KILLS = Integer.getInteger("clipc.test.kills", 8);

    /** From the death of a rank to the end of all others, on a busy machine. */
    private static final int MOST_SECONDS = 60;

    private static final int MOST_MINUTES = 10;

    private static final Pattern SAVED = Pattern.compile("(?m)^saved .*step-(\\d+)$");
    private static final Pattern RESUMED = Pattern.compile("(?m)^resuming from .*step-(\\d+)$");

    @TempDir
    Path folder = Path.of("");

    private List<String> training(Path program, Path data, String out, long steps, int every) {
        return List.of(
                "train",
                "--graph",
                program.toString(),
                "--data",
                data.toString(),
                "--out",
                folder.resolve(out).toString(),
                "--resume",
                "trainer.max_steps=" + steps,
                "trainer.log_every_n_steps=1",
                "model.optim.sched.name=Constant",
                "exp_manager.checkpoint_callback_params.every_n_train_steps=" + every);
    }

    private static Path program() {
        var keys = new ArrayList<>(List.of("--target", "jvm128"));
        keys.addAll(Dataset.KEYS);
        keys.addAll(List.of(
                "model.vision.num_layers=1",
                "model.text.num_layers=1",
                "model.micro_batch_size=4",
                "trainer.devices=4",
                "model.tensor_model_parallel_size=2",
                "model.sequence_parallel=true",
                "model.optim.name=distributed_fused_adam"));
        return Commands.tiny(keys.toArray(String[]::new));
    }

    private static List<Long> numbers(Pattern pattern, String log) {
        return pattern.matcher(log)
                .results()
                .map(match -> Long.parseLong(match.group(1)))
                .toList();
    }

    @Test
    void killedAtAnyMomentTheyGoOnAsIfNothingHadHappened() throws IOException, InterruptedException {
        var program = program();
        var data = Dataset.shards(folder.resolve("data"), 40);
        var speaks = Mpirun.sparesOthers();
        var seed = new Random().nextLong();
        var random = new Random(seed);
        var saved = 0L;
        for (var kill = 0; kill < KILLS; kill++) {
            var victim = random.nextInt(Mpirun.RANKS);
            var as = "seed %d, kill %d of rank %d: ".formatted(seed, kill, victim);
            try (var run = Mpirun.start(folder, Mpirun.Life.SHORT, training(program, data, "killed", 1_000_000, 1))) {
                awaitSaves(run, 1 + random.nextInt(2), as);
                TimeUnit.MICROSECONDS.sleep(random.nextInt(100_000));
                run.kill(victim);
                run.await(MOST_SECONDS, TimeUnit.SECONDS);
                for (var rank = 0; rank < Mpirun.RANKS; rank++) {
                    if (rank != victim && speaks) {
                        assertThat(run.log(rank))
                                .as(as + run.logs())
                                .containsPattern(
                                        "(?m)^clip-run: (all-reduce|all-gather|reduce-scatter|barrier) #\\d+ .*failed: rank "
                                                + victim + " is gone")
                                .doesNotContain("internal error");
                    }
                }
                if (kill > 0) {
                    assertThat(numbers(RESUMED, run.log(0)).getFirst()).as(as).isGreaterThanOrEqualTo(saved);
                }
                assertThat(run.log(0)).as(as).doesNotContain("passing over a checkpoint");
                saved = numbers(SAVED, run.log(0)).getLast();
            }
        }
        var steps = saved + 3;
        for (var out : List.of("killed", "straight")) {
            try (var run = Mpirun.start(folder, Mpirun.Life.SHORT, training(program, data, out, steps, 1000))) {
                assertThat(run.await(MOST_MINUTES, TimeUnit.MINUTES))
                        .as(run.logs())
                        .isZero();
            }
        }
        assertSame("step-" + steps, "seed " + seed);
    }

    private static void awaitSaves(Mpirun run, int count, String as) throws IOException, InterruptedException {
        while (run.isAlive() && numbers(SAVED, run.log(0)).size() < count) {
            TimeUnit.MILLISECONDS.sleep(2);
        }
        assertThat(run.isAlive()).as(as + run.logs()).isTrue();
    }

    /** The same weights and optimizer, and the same metrics on the way. */
    private void assertSame(String checkpoint, String as) throws IOException {
        for (var file : List.of("model.safetensors", "optimizer.safetensors")) {
            assertThat(folder.resolve("killed").resolve(checkpoint).resolve(file))
                    .as(as)
                    .hasSameBinaryContentAs(
                            folder.resolve("straight").resolve(checkpoint).resolve(file));
        }
        assertThat(losses("killed")).as(as).isEqualTo(losses("straight"));
    }

    private List<String> losses(String out) throws IOException {
        return Files.readAllLines(folder.resolve(out).resolve("metrics.jsonl")).stream()
                .map(line -> line.replaceAll(".*(\"step\":\\d+),.*(\"train/loss\":[^,}]+).*", "$1 $2"))
                .toList();
    }
}
