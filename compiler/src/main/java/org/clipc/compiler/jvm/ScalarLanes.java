package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.TypeName;
import org.clipc.ir.Comparison;

/** Plain Java's spelling. */
record ScalarLanes() implements Lanes {

    @Override
    public TypeName floatType() {
        return TypeName.FLOAT;
    }

    @Override
    public TypeName intType() {
        return TypeName.INT;
    }

    @Override
    public TypeName maskType() {
        return TypeName.BOOLEAN;
    }

    @Override
    public CodeBlock constant(float value) {
        return Lanes.literal(value);
    }

    @Override
    public CodeBlock intConstant(int value) {
        return CodeBlock.of("$L", value);
    }

    @Override
    public CodeBlock splatMask(CodeBlock single) {
        return single;
    }

    @Override
    public CodeBlock splat(CodeBlock single) {
        return single;
    }

    @Override
    public CodeBlock splatInt(CodeBlock single) {
        return single;
    }

    @Override
    public CodeBlock add(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("($L + $L)", a, b);
    }

    @Override
    public CodeBlock sub(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("($L - $L)", a, b);
    }

    @Override
    public CodeBlock mul(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("($L * $L)", a, b);
    }

    @Override
    public CodeBlock div(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("($L / $L)", a, b);
    }

    @Override
    public CodeBlock fma(CodeBlock a, CodeBlock b, CodeBlock c) {
        return CodeBlock.of("Math.fma($L, $L, $L)", a, b, c);
    }

    @Override
    public CodeBlock neg(CodeBlock a) {
        return CodeBlock.of("(- $L)", a);
    }

    @Override
    public CodeBlock abs(CodeBlock a) {
        return CodeBlock.of("Math.abs($L)", a);
    }

    @Override
    public CodeBlock sqrt(CodeBlock a) {
        return CodeBlock.of("((float) Math.sqrt($L))", a);
    }

    @Override
    public CodeBlock max(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("Math.max($L, $L)", a, b);
    }

    @Override
    public CodeBlock min(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("Math.min($L, $L)", a, b);
    }

    @Override
    public CodeBlock compare(Comparison comparison, CodeBlock a, CodeBlock b) {
        var operator = switch (comparison) {
            case EQ -> "==";
            case NE -> "!=";
            case LT -> "<";
            case LE -> "<=";
            case GT -> ">";
            case GE -> ">=";
        };
        return CodeBlock.of("($L $L $L)", a, operator, b);
    }

    @Override
    public CodeBlock compareInts(Comparison comparison, CodeBlock a, CodeBlock b) {
        return compare(comparison, a, b);
    }

    @Override
    public CodeBlock and(CodeBlock maskA, CodeBlock maskB) {
        return intAnd(maskA, maskB);
    }

    @Override
    public CodeBlock or(CodeBlock maskA, CodeBlock maskB) {
        return intOr(maskA, maskB);
    }

    @Override
    public CodeBlock not(CodeBlock mask) {
        return CodeBlock.of("(!$L)", mask);
    }

    @Override
    public CodeBlock select(CodeBlock mask, CodeBlock ifTrue, CodeBlock ifFalse) {
        return CodeBlock.of("($L ? $L : $L)", mask, ifTrue, ifFalse);
    }

    @Override
    public CodeBlock selectInts(CodeBlock mask, CodeBlock ifTrue, CodeBlock ifFalse) {
        return select(mask, ifTrue, ifFalse);
    }

    @Override
    public CodeBlock bits(CodeBlock a) {
        return CodeBlock.of("Float.floatToRawIntBits($L)", a);
    }

    @Override
    public CodeBlock fromBits(CodeBlock ints) {
        return CodeBlock.of("Float.intBitsToFloat($L)", ints);
    }

    @Override
    public CodeBlock toFloat(CodeBlock ints) {
        return CodeBlock.of("((float) $L)", ints);
    }

    @Override
    public CodeBlock toInt(CodeBlock floats) {
        return CodeBlock.of("((int) $L)", floats);
    }

    @Override
    public CodeBlock intNeg(CodeBlock a) {
        return neg(a);
    }

    @Override
    public CodeBlock intAbs(CodeBlock a) {
        return abs(a);
    }

    @Override
    public CodeBlock intMax(CodeBlock a, CodeBlock b) {
        return max(a, b);
    }

    @Override
    public CodeBlock intMin(CodeBlock a, CodeBlock b) {
        return min(a, b);
    }

    @Override
    public CodeBlock intAdd(CodeBlock a, CodeBlock b) {
        return add(a, b);
    }

    @Override
    public CodeBlock intSub(CodeBlock a, CodeBlock b) {
        return sub(a, b);
    }

    @Override
    public CodeBlock intMul(CodeBlock a, CodeBlock b) {
        return mul(a, b);
    }

    @Override
    public CodeBlock intAnd(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("($L & $L)", a, b);
    }

    @Override
    public CodeBlock intOr(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("($L | $L)", a, b);
    }

    @Override
    public CodeBlock intXor(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("($L ^ $L)", a, b);
    }

    @Override
    public CodeBlock shiftLeft(CodeBlock a, int count) {
        return CodeBlock.of("($L << $L)", a, count);
    }

    @Override
    public CodeBlock shiftRight(CodeBlock a, int count) {
        return CodeBlock.of("($L >> $L)", a, count);
    }

    @Override
    public CodeBlock shiftRightLogical(CodeBlock a, int count) {
        return CodeBlock.of("($L >>> $L)", a, count);
    }
}
