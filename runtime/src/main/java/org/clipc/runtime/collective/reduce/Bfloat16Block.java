package org.clipc.runtime.collective.reduce;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.clipc.runtime.tensor.Bfloat16;

/** {@link Bfloat16} for many numbers at a time. */
final class Bfloat16Block {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> HALVES =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

    private Bfloat16Block() {}

    static void widen(short[] from, float[] to, int count) {
        var i = 0;
        for (; i < FLOATS.loopBound(count); i += FLOATS.length()) {
            var bits = (IntVector) ShortVector.fromArray(HALVES, from, i).convertShape(VectorOperators.S2I, INTS, 0);
            bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(to, i);
        }
        for (; i < count; i++) {
            to[i] = Bfloat16.toFloat(from[i]);
        }
    }

    static void narrow(float[] from, short[] to, int count) {
        var i = 0;
        for (; i < FLOATS.loopBound(count); i += FLOATS.length()) {
            var numbers = FloatVector.fromArray(FLOATS, from, i);
            var bits = numbers.reinterpretAsInts();
            var upper = bits.lanewise(VectorOperators.LSHR, 16);
            var rounded = bits.add(upper.and(1)).add(0x7fff).lanewise(VectorOperators.LSHR, 16);
            var notNumbers = numbers.test(VectorOperators.IS_NAN).cast(INTS);
            var result = rounded.blend(upper.and(0x8000).or(0x7fc0), notNumbers);
            ((ShortVector) result.convertShape(VectorOperators.I2S, HALVES, 0)).intoArray(to, i);
        }
        for (; i < count; i++) {
            to[i] = Bfloat16.of(from[i]);
        }
    }
}
