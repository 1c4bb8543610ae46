package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.ParameterizedTypeName;
import com.palantir.javapoet.TypeName;
import org.clipc.ir.Comparison;

/** The Vector API's spelling. */
record VectorLanes() implements Lanes {

    @Override
    public TypeName floatType() {
        return FLOAT_VECTOR;
    }

    @Override
    public TypeName intType() {
        return INT_VECTOR;
    }

    @Override
    public TypeName maskType() {
        return ParameterizedTypeName.get(VECTOR_MASK, ClassName.get(Float.class));
    }

    @Override
    public CodeBlock constant(float value) {
        return CodeBlock.of("$T.broadcast($L, $L)", FLOAT_VECTOR, FLOATS, Lanes.literal(value));
    }

    @Override
    public CodeBlock intConstant(int value) {
        return CodeBlock.of("$T.broadcast($L, $L)", INT_VECTOR, INTS, value);
    }

    @Override
    public CodeBlock splatMask(CodeBlock single) {
        return CodeBlock.of("$L.maskAll($L)", FLOATS, single);
    }

    @Override
    public CodeBlock splat(CodeBlock single) {
        return CodeBlock.of("$T.broadcast($L, $L)", FLOAT_VECTOR, FLOATS, single);
    }

    @Override
    public CodeBlock splatInt(CodeBlock single) {
        return CodeBlock.of("$T.broadcast($L, $L)", INT_VECTOR, INTS, single);
    }

    @Override
    public CodeBlock add(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.add($L)", a, b);
    }

    @Override
    public CodeBlock sub(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.sub($L)", a, b);
    }

    @Override
    public CodeBlock mul(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.mul($L)", a, b);
    }

    @Override
    public CodeBlock div(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.div($L)", a, b);
    }

    @Override
    public CodeBlock fma(CodeBlock a, CodeBlock b, CodeBlock c) {
        return CodeBlock.of("$L.fma($L, $L)", a, b, c);
    }

    @Override
    public CodeBlock neg(CodeBlock a) {
        return CodeBlock.of("$L.neg()", a);
    }

    @Override
    public CodeBlock abs(CodeBlock a) {
        return CodeBlock.of("$L.abs()", a);
    }

    @Override
    public CodeBlock sqrt(CodeBlock a) {
        return CodeBlock.of("$L.sqrt()", a);
    }

    @Override
    public CodeBlock max(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.max($L)", a, b);
    }

    @Override
    public CodeBlock min(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.min($L)", a, b);
    }

    @Override
    public CodeBlock compare(Comparison comparison, CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.compare($T.$L, $L)", a, VECTOR_OPERATORS, comparison.name(), b);
    }

    @Override
    public CodeBlock compareInts(Comparison comparison, CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.compare($T.$L, $L).cast($L)", a, VECTOR_OPERATORS, comparison.name(), b, FLOATS);
    }

    @Override
    public CodeBlock and(CodeBlock maskA, CodeBlock maskB) {
        return CodeBlock.of("$L.and($L)", maskA, maskB);
    }

    @Override
    public CodeBlock or(CodeBlock maskA, CodeBlock maskB) {
        return CodeBlock.of("$L.or($L)", maskA, maskB);
    }

    @Override
    public CodeBlock not(CodeBlock mask) {
        return CodeBlock.of("$L.not()", mask);
    }

    @Override
    public CodeBlock select(CodeBlock mask, CodeBlock ifTrue, CodeBlock ifFalse) {
        return CodeBlock.of("$L.blend($L, $L)", ifFalse, ifTrue, mask);
    }

    @Override
    public CodeBlock selectInts(CodeBlock mask, CodeBlock ifTrue, CodeBlock ifFalse) {
        return CodeBlock.of("$L.blend($L, $L.cast($L))", ifFalse, ifTrue, mask, INTS);
    }

    @Override
    public CodeBlock bits(CodeBlock a) {
        return CodeBlock.of("$L.reinterpretAsInts()", a);
    }

    @Override
    public CodeBlock fromBits(CodeBlock ints) {
        return CodeBlock.of("$L.reinterpretAsFloats()", ints);
    }

    @Override
    public CodeBlock toFloat(CodeBlock ints) {
        return CodeBlock.of("$L.convert($T.I2F, 0).reinterpretAsFloats()", ints, VECTOR_OPERATORS);
    }

    @Override
    public CodeBlock toInt(CodeBlock floats) {
        return CodeBlock.of("$L.convert($T.F2I, 0).reinterpretAsInts()", floats, VECTOR_OPERATORS);
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
        return CodeBlock.of("$L.and($L)", a, b);
    }

    @Override
    public CodeBlock intOr(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.or($L)", a, b);
    }

    @Override
    public CodeBlock intXor(CodeBlock a, CodeBlock b) {
        return CodeBlock.of("$L.lanewise($T.XOR, $L)", a, VECTOR_OPERATORS, b);
    }

    @Override
    public CodeBlock shiftLeft(CodeBlock a, int count) {
        return CodeBlock.of("$L.lanewise($T.LSHL, $L)", a, VECTOR_OPERATORS, count);
    }

    @Override
    public CodeBlock shiftRight(CodeBlock a, int count) {
        return CodeBlock.of("$L.lanewise($T.ASHR, $L)", a, VECTOR_OPERATORS, count);
    }

    @Override
    public CodeBlock shiftRightLogical(CodeBlock a, int count) {
        return CodeBlock.of("$L.lanewise($T.LSHR, $L)", a, VECTOR_OPERATORS, count);
    }
}
