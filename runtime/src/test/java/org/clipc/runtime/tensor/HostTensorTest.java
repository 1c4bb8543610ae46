package org.clipc.runtime.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigDecimal;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class HostTensorTest {
    @Test
    void needsMemoryOfItsSize() {
        assertThatThrownBy(() -> new HostTensor(TensorDType.F32, List.of(2L, 3L), MemorySegment.ofArray(new byte[23])))
                .hasMessageContaining("needs 24 bytes, not 23");
    }

    @Test
    void everyTypeKeepsSmallWholeNumbersThroughEveryOther() {
        try (Arena arena = Arena.ofConfined()) {
            var start = HostTensor.of(new float[] {0, 1, 1, 0, 1}, 5);
            for (TensorDType first : TensorDType.values()) {
                for (TensorDType second : TensorDType.values()) {
                    var there = start.convert(first, arena).convert(second, arena);
                    assertThat(there.toFloats()).as(first + " to " + second).containsExactly(0, 1, 1, 0, 1);
                    assertThat(there.toLongs()).as(first + " to " + second).containsExactly(0, 1, 1, 0, 1);
                }
            }
        }
    }

    @Test
    void integersKeepAllTheirBits() {
        long[] longs = {Long.MIN_VALUE, -1, (1L << 53) + 1, Long.MAX_VALUE};
        assertThat(HostTensor.of(longs, 2, 2).toLongs()).containsExactly(longs);
        assertThat(HostTensor.of(new int[] {Integer.MIN_VALUE, 7}, 2).toLongs()).containsExactly(Integer.MIN_VALUE, 7);
    }

    @Test
    void u8IsUnsigned() {
        var bytes = new HostTensor(TensorDType.U8, List.of(2L), MemorySegment.ofArray(new byte[] {-1, 127}));
        assertThat(bytes.toFloats()).containsExactly(255, 127);
    }

    /** The oracle compares exact decimal distances to the two neighbours. */
    @Property(tries = 2000)
    void bf16RoundsToNearestEven(@ForAll Random random) {
        float value = Float.intBitsToFloat(random.nextInt());
        short rounded = Bfloat16.of(value);
        if (Float.isNaN(value)) {
            assertThat(Bfloat16.toFloat(rounded)).isNaN();
            return;
        }
        if (Float.isInfinite(value)) {
            assertThat(Bfloat16.toFloat(rounded)).isEqualTo(value);
            return;
        }
        short below = (short) (Float.floatToRawIntBits(value) >>> 16);
        short above = (short) (below + 1);
        float high = Bfloat16.toFloat(above);
        BigDecimal exact = new BigDecimal(value);
        BigDecimal toLow =
                exact.subtract(new BigDecimal(Bfloat16.toFloat(below))).abs();
        // Past the largest finite value the neighbour is where the next one would lie.
        BigDecimal highValue = Float.isInfinite(high)
                ? new BigDecimal(Math.scalb(1.0, 128)).multiply(BigDecimal.valueOf(Math.signum(value)))
                : new BigDecimal(high);
        int nearer = toLow.compareTo(exact.subtract(highValue).abs());
        short expected = nearer < 0 ? below : nearer > 0 ? above : (below & 1) == 0 ? below : above;
        assertThat(rounded).isEqualTo(expected);
    }

    /** 1 + 2^-8 + 2^-40 is nearer the upper bf16, yet as a float it would be a tie and fall to the even lower one. */
    @Test
    void doublesRoundOnceOnTheWayTo16Bits() {
        try (Arena arena = Arena.ofConfined()) {
            double justAboveTie = 1 + Math.scalb(1.0, -8) + Math.scalb(1.0, -40);
            double justBelowTie = 1 + 3 * Math.scalb(1.0, -8) - Math.scalb(1.0, -40);
            var doubles = HostTensor.of(new double[] {justAboveTie, -justAboveTie, justBelowTie, -justBelowTie}, 4);
            assertThat(doubles.convert(TensorDType.BF16, arena).toDoubles())
                    .containsExactly(1 + 1 / 128.0, -1 - 1 / 128.0, 1 + 1 / 128.0, -1 - 1 / 128.0);
            double halfTie = 1 + Math.scalb(1.0, -11) + Math.scalb(1.0, -40);
            assertThat(HostTensor.of(new double[] {halfTie, 1e-300}, 2)
                            .convert(TensorDType.F16, arena)
                            .toDoubles())
                    .containsExactly(1 + 1 / 1024.0, 0);
        }
    }
}
