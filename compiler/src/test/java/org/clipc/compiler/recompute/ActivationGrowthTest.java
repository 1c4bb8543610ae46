package org.clipc.compiler.recompute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.OptionalLong;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What a layer keeps for the backward pass, against the table in the package's description; and that the plan's peak grows
 * by it. The batch is large enough for activations to outweigh gradients, so that memory peaks between the two passes.
 */
class ActivationGrowthTest {

    private static final int BATCH = 256;
    private static final int TOKENS = 65;
    private static final int WIDTH = 256;
    private static final int HEADS = 4;

    /** Bytes of one residual stream: s·b·h numbers. */
    private static final long STREAM = 4L * BATCH * TOKENS * WIDTH;

    /** Bytes of a number for each query and head: s·b·a numbers. */
    private static final long ROWS = 4L * BATCH * TOKENS * HEADS;

    private static final String MODEL =
            "vision.patch_dim=4 vision.hidden_size=%d vision.num_attention_heads=%d".formatted(WIDTH, HEADS)
                    + " text.num_layers=1 vision.hidden_dropout=0.1 vision.num_layers=";

    @ParameterizedTest
    @CsvSource({
        "none,      none,    1, 10,   1",
        "selective, uniform, 1, 9,    0",
        "full,      uniform, 1, 1,    0",
        "full,      uniform, 2, 0.5,  0",
        "full,      uniform, 4, 0.25, 0",
    })
    void growsWithTheLayersAsItShould(String granularity, String method, int layers, double streams, int rows) {
        var mode =
                " vision.activations_checkpoint_granularity=" + granularity + " vision.activations_checkpoint_method="
                        + method + " vision.activations_checkpoint_num_layers=" + layers;
        var four = Compiled.compile(MODEL + 4 + mode, BATCH, OptionalLong.empty(), false);
        for (var count : new int[] {8, 16}) {
            var more = Compiled.compile(MODEL + count + mode, BATCH, OptionalLong.empty(), false);
            var growth = (count - 4) * (streams * STREAM + rows * ROWS);
            assertThat(more.recompute().keptBytes() - four.recompute().keptBytes())
                    .isEqualTo((long) growth);
            // A chunk of several layers is computed again all at once, and that is soon more than what is kept.
            // Otherwise
            // the peak moves by what is kept, but for what the plan can or cannot fill.
            if (layers == 1) {
                assertThat((double) more.peak() - four.peak())
                        .isCloseTo(growth, within(Math.max(STREAM, 0.03 * growth)));
            }
        }
    }

    /** With blocks, each layer beyond the first few keeps what it keeps without recomputation. */
    @ParameterizedTest
    @CsvSource({"4, 1", "8, 3"})
    void blocksSaveInTheFirstLayersOnly(int count, int treated) {
        var plain = Compiled.compile(MODEL + count, BATCH, OptionalLong.empty(), false);
        var block = Compiled.compile(
                MODEL + count + " vision.activations_checkpoint_granularity=full"
                        + " vision.activations_checkpoint_method=block vision.activations_checkpoint_num_layers="
                        + treated,
                BATCH,
                OptionalLong.empty(),
                false);
        assertThat(plain.recompute().keptBytes() - block.recompute().keptBytes())
                .isEqualTo(treated * (9 * STREAM + ROWS));
    }
}
