package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import org.clipc.ir.Comparison;

/**
 * bf16, the upper half of a float, in generated code. Vectors of it are shorts of the species that
 * {@link JvmHelper#SHORTS} declares; their code stands in place, see {@link LaneCode#apply}.
 */
final class Bfloat16 {

    private Bfloat16() {}

    /** A vector of bf16, as floats. */
    static CodeBlock load(JvmLibrary library, CodeBlock at) {
        library.use(JvmHelper.SHORTS);
        return CodeBlock.of(
                "$1T.fromMemorySegment(H, arena, $2L, ORDER).convertShape($3T.ZERO_EXTEND_S2I, I, 0)"
                        + ".reinterpretAsInts().lanewise($3T.LSHL, 16).reinterpretAsFloats()",
                JvmHelper.SHORT_VECTOR,
                at,
                Lanes.VECTOR_OPERATORS);
    }

    /** Stores a vector of floats, rounded. */
    static void store(JvmLibrary library, LaneCode code, CodeBlock at, CodeBlock floats) {
        library.use(JvmHelper.SHORTS);
        var upper = code.letInts(code.lanes().shiftRight(round(code, floats), 16));
        code.run(CodeBlock.of(
                "$L.convertShape($T.I2S, H, 0).reinterpretAsShorts().intoMemorySegment(arena, $L, ORDER)",
                upper,
                Lanes.VECTOR_OPERATORS,
                at));
    }

    /** The bits of floats rounded to nearest even, the lower half zero. */
    static CodeBlock round(LaneCode code, CodeBlock floats) {
        var lanes = code.lanes();
        var bits = code.letInts(lanes.bits(floats));
        var odd = lanes.intAnd(lanes.shiftRightLogical(bits, 16), lanes.intConstant(1));
        var up = code.letInts(lanes.intAdd(bits, lanes.intAdd(odd, lanes.intConstant(0x7fff))));
        var isNan = code.compare(Comparison.NE, floats, floats);
        // A NaN whose upper bits are all zero must not become an infinity.
        var quiet = lanes.intOr(bits, lanes.intConstant(0x00400000));
        var rounded = code.letInts(lanes.selectInts(isNan, quiet, up));
        return code.letInts(lanes.intAnd(rounded, lanes.intConstant(0xffff0000)));
    }
}
