package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.ir.testing.Numbers.assertClose;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.ir.Mesh;
import org.clipc.program.EntryPoint;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Programs for several ranks, run by threads. */
class MeshTrainingTest {

    private static final int STEPS = 5;

    @TempDir
    Path folder = Path.of("");

    /**
     * Ranks round their parts of a sum before these are added up, so they come near one rank's roundings, not to them; with
     * an epsilon that keeps a step of AdamW from making much of that.
     */
    @ParameterizedTest
    @CsvSource({"BF16, 2, 2, true, true", "BF16_O2, 2, 2, true, true", "BF16_O2, 1, 4, true, false"})
    void trainsInBf16NearlyAsOneRankDoes(Precision precision, int data, int tensor, boolean sequence, boolean zero)
            throws IOException, InterruptedException {
        trainsNearlyAsOneRankDoes(
                ModelSource.of(Golden.tiny()), precision, new Parallelism(new Mesh(data, tensor), sequence, zero));
    }

    /** Features go around the ring as they are, and logits stay f32. */
    @ParameterizedTest
    @CsvSource({"BF16, bidir, 4, 1", "BF16_O2, shift, 2, 2"})
    void trainsInBf16BySigmoids(Precision precision, String way, int data, int tensor)
            throws IOException, InterruptedException {
        var model = ModelSource.of(Golden.tiny("objective", "sigmoid", "loss_dist_impl", way));
        trainsNearlyAsOneRankDoes(model, precision, new Parallelism(new Mesh(data, tensor), false, false));
    }

    private void trainsNearlyAsOneRankDoes(ModelSource model, Precision precision, Parallelism together)
            throws IOException, InterruptedException {
        var alone = MeshTraining.compile(folder, model, Parallelism.NONE, precision, OptionalLong.empty(), 1e-2);
        var expected = MeshTraining.train(alone, STEPS);
        var actual = MeshTraining.train(
                MeshTraining.compile(folder, model, together, precision, OptionalLong.empty(), 1e-2), STEPS);
        for (var i = 0; i < STEPS; i++) {
            assertThat(actual.losses().get(i)).isCloseTo(expected.losses().get(i), within(0.03));
        }
        expected.parameters()
                .forEach((name, values) -> assertClose(
                        name, Objects.requireNonNull(actual.parameters().get(name)), values, MeshTraining.RATE));
    }

    /** However the texts of the sigmoid loss reach the ranks. */
    @ParameterizedTest
    @CsvSource({"bidir, 4, 1", "shift, 2, 2", "reduce, 4, 1", "gather, 2, 1"})
    void theSigmoidLossIsThatOfOneRank(String way, int data, int tensor) throws IOException, InterruptedException {
        var model = ModelSource.of(Golden.tiny("text.vocab_size", 96L, "objective", "sigmoid", "loss_dist_impl", way));
        var expected = MeshTraining.train(MeshTraining.compile(folder, model, Parallelism.NONE), STEPS);
        var mesh = new Parallelism(new Mesh(data, tensor), false, false);
        MeshTraining.train(MeshTraining.compile(folder, model, mesh), STEPS).isClose(expected, 1e-5);
    }

    @Test
    void aProgramForSeveralRanksSaysSoToOne() throws IOException {
        var program = MeshTraining.compile(
                folder, ModelSource.of(Golden.tiny()), new Parallelism(new Mesh(2, 1), false, false));
        try (var file = ProgramFile.open(program);
                var device = new JvmDevice(1)) {
            assertThatThrownBy(() -> device.load(file, List.of(EntryPoint.TRAIN_STEP)))
                    .hasMessageContaining("is for 2 ranks (2 data-parallel x 1 tensor-parallel) together");
        }
    }
}
