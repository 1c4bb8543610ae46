package org.clipc.runtime.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;

class Bfloat16BlockTest {

    /** Of any bits, NaNs and infinities too, in memory that is aligned to bytes only. */
    @Property
    void manyAreConvertedAsEach(@ForAll @Size(max = 70) int[] bits) {
        var floats =
                MemorySegment.ofArray(new byte[bits.length * Float.BYTES + 1]).asSlice(1);
        for (var i = 0; i < bits.length; i++) {
            floats.set(HostTensor.I32, (long) i * Float.BYTES, bits[i]);
        }
        var halves =
                MemorySegment.ofArray(new byte[bits.length * Short.BYTES + 1]).asSlice(1);
        Bfloat16Block.narrow(floats, halves, bits.length);
        var widened =
                MemorySegment.ofArray(new byte[bits.length * Float.BYTES + 1]).asSlice(1);
        Bfloat16Block.widen(halves, widened, bits.length);
        for (var i = 0; i < bits.length; i++) {
            var half = halves.get(HostTensor.I16, (long) i * Short.BYTES);
            assertThat(half).isEqualTo(Bfloat16.of(Float.intBitsToFloat(bits[i])));
            assertThat(widened.get(HostTensor.I32, (long) i * Float.BYTES)).isEqualTo(half << 16);
        }
    }

    /** jqwik's ints are small or at an end mostly, which makes few NaNs. */
    @Property
    void notANumberKeepsItsSign(@ForAll @Size(min = 20, max = 40) int[] bits) {
        var floats = new float[bits.length];
        var halves = new short[bits.length];
        for (var i = 0; i < bits.length; i++) {
            floats[i] = Float.intBitsToFloat(bits[i] | 0x7f80_0001);
        }
        Bfloat16Block.narrow(MemorySegment.ofArray(floats), MemorySegment.ofArray(halves), bits.length);
        for (var i = 0; i < bits.length; i++) {
            assertThat(halves[i]).isEqualTo((short) (bits[i] < 0 ? 0xffc0 : 0x7fc0));
        }
    }
}
