package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ranks that are processes train the emoji model, and go on with its checkpoint on another mesh. */
@Tag("process")
class MpiTrainingTest {

    private static final double TOLERANCE = 1e-5;

    private static final int MOST_MINUTES = 5;

    @TempDir
    Path folder = Path.of("");

    /** With an epsilon that keeps a step of AdamW from making much of rounding. */
    private Path program(String name, String... keys) {
        var program = folder.resolve(name + ".bin");
        var words = Stream.concat(Stream.of("--target", "jvm128", "model.optim.eps=1e-2"), Stream.of(keys));
        Commands.compile("emoji", program, words.toArray()).succeeds();
        return program;
    }

    private static List<String> training(Path program, Path data, Path out, int steps) {
        return List.of(
                "train",
                "--graph",
                program.toString(),
                "--data",
                data.toString(),
                "--out",
                out.toString(),
                "--resume",
                "trainer.max_steps=" + steps,
                "model.optim.sched.name=Constant");
    }

    private void mpirun(List<String> words) throws IOException, InterruptedException {
        try (var run = Mpirun.start(folder, Mpirun.Life.LONG, words)) {
            assertThat(run.await(MOST_MINUTES, TimeUnit.MINUTES)).as(run.logs()).isZero();
        }
    }

    @Test
    void processesTrainAsOneRankWould() throws IOException, InterruptedException {
        var data = Dataset.shards(folder.resolve("data"), 40);
        var out = folder.resolve("four");
        mpirun(training(
                program("both", "model.micro_batch_size=4", "trainer.devices=4", "model.tensor_model_parallel_size=2"),
                data,
                out,
                2));
        mpirun(training(program("wide", "model.micro_batch_size=2", "trainer.devices=4"), data, out, 4));
        var alone = folder.resolve("one");
        Commands.clipRun(training(program("one", "model.micro_batch_size=8"), data, alone, 4)
                        .toArray())
                .succeeds();
        var expected = Golden.read(alone.resolve("step-4/model.safetensors"));
        var actual = Golden.read(out.resolve("step-4/model.safetensors"));
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, tensor) -> {
            var other = Objects.requireNonNull(actual.get(name));
            var furthest = IntStream.range(0, tensor.size())
                    .mapToDouble(i -> Math.abs(tensor.get(i) - other.get(i)))
                    .max();
            assertThat(furthest.orElse(0)).as(name).isLessThan(TOLERANCE);
        });
    }
}
