package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.ParameterizedTypeName;
import com.palantir.javapoet.TypeName;
import org.clipc.ir.Comparison;

/**
 * How straight-line code over floats is spelled in generated Java: over vectors or over single floats. A renderer writes
 * its arithmetic once against this interface and emits it twice, for the vector loop and for its scalar tail, with the
 * same bits in both: every operation here is exactly rounded or exact.
 *
 * <p>Every method returns an expression and takes expressions; the vector spelling refers to the species constants
 * {@link #FLOATS} and {@link #INTS} of the generated class.
 */
sealed interface Lanes {

    ClassName FLOAT_VECTOR = ClassName.get("jdk.incubator.vector", "FloatVector");
    ClassName INT_VECTOR = ClassName.get("jdk.incubator.vector", "IntVector");
    ClassName VECTOR_MASK = ClassName.get("jdk.incubator.vector", "VectorMask");
    ClassName VECTOR_OPERATORS = ClassName.get("jdk.incubator.vector", "VectorOperators");

    /** Name of the generated class's constant that holds its species of floats. */
    String FLOATS = "F";

    /** Name of the generated class's constant that holds its species of ints, of as many lanes as {@link #FLOATS}. */
    String INTS = "I";

    Lanes VECTOR = new Vectors();
    Lanes SCALAR = new Scalars();

    TypeName floatType();

    TypeName intType();

    TypeName maskType();

    CodeBlock constant(float value);

    CodeBlock intConstant(int value);

    CodeBlock add(CodeBlock a, CodeBlock b);

    CodeBlock sub(CodeBlock a, CodeBlock b);

    CodeBlock mul(CodeBlock a, CodeBlock b);

    CodeBlock div(CodeBlock a, CodeBlock b);

    /** a·b + c, rounded once. */
    CodeBlock fma(CodeBlock a, CodeBlock b, CodeBlock c);

    CodeBlock neg(CodeBlock a);

    CodeBlock abs(CodeBlock a);

    CodeBlock sqrt(CodeBlock a);

    /** {@link Math#max(float, float)}: NaN if either is. */
    CodeBlock max(CodeBlock a, CodeBlock b);

    CodeBlock min(CodeBlock a, CodeBlock b);

    CodeBlock compare(Comparison comparison, CodeBlock a, CodeBlock b);

    CodeBlock compareInts(Comparison comparison, CodeBlock a, CodeBlock b);

    CodeBlock and(CodeBlock maskA, CodeBlock maskB);

    CodeBlock or(CodeBlock maskA, CodeBlock maskB);

    CodeBlock not(CodeBlock mask);

    CodeBlock select(CodeBlock mask, CodeBlock ifTrue, CodeBlock ifFalse);

    /** The raw bits of floats as ints. */
    CodeBlock bits(CodeBlock a);

    CodeBlock fromBits(CodeBlock ints);

    /** Ints rounded to the nearest float. */
    CodeBlock toFloat(CodeBlock ints);

    CodeBlock intAdd(CodeBlock a, CodeBlock b);

    CodeBlock intSub(CodeBlock a, CodeBlock b);

    CodeBlock intMul(CodeBlock a, CodeBlock b);

    CodeBlock intAnd(CodeBlock a, CodeBlock b);

    CodeBlock intOr(CodeBlock a, CodeBlock b);

    CodeBlock intXor(CodeBlock a, CodeBlock b);

    CodeBlock shiftLeft(CodeBlock a, int count);

    CodeBlock shiftRight(CodeBlock a, int count);

    CodeBlock shiftRightLogical(CodeBlock a, int count);

    /** Constant as Java source: exact, infinities and NaN included. */
    static CodeBlock literal(float value) {
        if (Float.isNaN(value)) {
            return CodeBlock.of("Float.NaN");
        }
        if (Float.isInfinite(value)) {
            return CodeBlock.of(value > 0 ? "Float.POSITIVE_INFINITY" : "Float.NEGATIVE_INFINITY");
        }
        return CodeBlock.of("$L", value + "f");
    }

    /** The Vector API's spelling. */
    record Vectors() implements Lanes {

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
            return CodeBlock.of("$T.broadcast($L, $L)", FLOAT_VECTOR, FLOATS, literal(value));
        }

        @Override
        public CodeBlock intConstant(int value) {
            return CodeBlock.of("$T.broadcast($L, $L)", INT_VECTOR, INTS, value);
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

    /** Plain Java's spelling. */
    record Scalars() implements Lanes {

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
            return literal(value);
        }

        @Override
        public CodeBlock intConstant(int value) {
            return CodeBlock.of("$L", value);
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
            return CodeBlock.of("(-$L)", a);
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
}
