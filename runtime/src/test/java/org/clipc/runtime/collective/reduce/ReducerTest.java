package org.clipc.runtime.collective.reduce;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.Reduction;
import org.clipc.runtime.tensor.Bfloat16;
import org.junit.jupiter.api.Test;

class ReducerTest {

    private final Reducer reducer = new Reducer();

    private static MemorySegment floats(float... values) {
        return Arena.ofAuto().allocateFrom(ValueLayout.JAVA_FLOAT, values);
    }

    private static MemorySegment halves(float... values) {
        var segment = Arena.ofAuto().allocate(ValueLayout.JAVA_SHORT, values.length);
        for (var i = 0; i < values.length; i++) {
            segment.setAtIndex(ValueLayout.JAVA_SHORT, i, Bfloat16.of(values[i]));
        }
        return segment;
    }

    private MemorySegment reduce(DType dtype, Reduction reduction, MemorySegment... sources) {
        var target = Arena.ofAuto().allocate(sources[0].byteSize(), 4);
        var elements = target.byteSize() / dtype.bytes();
        reducer.reduce(sources, 0, new MemorySegment[] {target}, 0, elements, dtype, reduction);
        return target;
    }

    @Test
    void bfloatsAreRoundedOnceAndToTheNearestEven() {
        // Adding 2^-8 to 1 is a tie, which goes back to 1; twice, in f32, it is the next bf16.
        var small = Math.scalb(1f, -8);
        assertThat(reduce(DType.BF16, Reduction.SUM, halves(1), halves(small), halves(small))
                        .get(ValueLayout.JAVA_SHORT, 0))
                .isEqualTo(Bfloat16.of(1 + 2 * small));
        assertThat(reduce(DType.BF16, Reduction.SUM, halves(1), halves(small)).get(ValueLayout.JAVA_SHORT, 0))
                .isEqualTo(Bfloat16.of(1));
    }

    @Test
    void floatsAreAddedInTheOrderGiven() {
        var sum = reduce(DType.F32, Reduction.SUM, floats(1e8f), floats(-1e8f), floats(1));
        assertThat(sum.get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(1);
        var other = reduce(DType.F32, Reduction.SUM, floats(1), floats(1e8f), floats(-1e8f));
        assertThat(other.get(ValueLayout.JAVA_FLOAT, 0)).isZero();
    }

    @Test
    void notANumberIsKept() {
        for (var reduction : Reduction.values()) {
            assertThat(reduce(DType.F32, reduction, floats(1), floats(Float.NaN), floats(2))
                            .get(ValueLayout.JAVA_FLOAT, 0))
                    .isNaN();
            assertThat(Bfloat16.toFloat(reduce(DType.BF16, reduction, halves(Float.NaN), halves(2))
                            .get(ValueLayout.JAVA_SHORT, 0)))
                    .isNaN();
        }
    }

    /** Across the blocks that it works in, and the target may be a source. */
    @Property
    void reducesPartsInPlace(
            @ForAll @Size(min = 1, max = 5) int[] seeds,
            @ForAll @IntRange(max = 5000) int elements,
            @ForAll @IntRange(max = 100) int offset) {
        var sources = new MemorySegment[seeds.length];
        for (var s = 0; s < seeds.length; s++) {
            sources[s] = Arena.ofAuto().allocate(ValueLayout.JAVA_INT, elements + 2L * offset);
            for (var i = 0; i < elements + 2 * offset; i++) {
                sources[s].setAtIndex(ValueLayout.JAVA_INT, i, seeds[s] * (i + 1));
            }
        }
        var sum = 0;
        for (var seed : seeds) {
            sum += seed;
        }
        var last = new MemorySegment[] {sources[seeds.length - 1]};
        reducer.reduce(sources, 4L * offset, last, 4L * offset, elements, DType.I32, Reduction.SUM);
        for (var i = 0; i < elements + 2 * offset; i++) {
            var inside = i >= offset && i < offset + elements;
            assertThat(last[0].getAtIndex(ValueLayout.JAVA_INT, i))
                    .isEqualTo((inside ? sum : seeds[seeds.length - 1]) * (i + 1));
        }
    }

    @Property
    void slicesCoverATensorEvenly(
            @ForAll @LongRange(max = 1L << 40) long elements, @ForAll @IntRange(min = 1, max = 100) int members) {
        assertThat(Slices.start(elements, members, 0)).isZero();
        assertThat(Slices.start(elements, members, members)).isEqualTo(elements);
        for (var member = 0; member < members; member++) {
            var length = Slices.start(elements, members, member + 1) - Slices.start(elements, members, member);
            assertThat(length).isBetween(0L, elements / members + 64);
        }
    }
}
