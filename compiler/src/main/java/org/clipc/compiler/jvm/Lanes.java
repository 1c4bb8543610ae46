package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
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
sealed interface Lanes permits VectorLanes, ScalarLanes {

    ClassName FLOAT_VECTOR = ClassName.get("jdk.incubator.vector", "FloatVector");
    ClassName INT_VECTOR = ClassName.get("jdk.incubator.vector", "IntVector");
    ClassName VECTOR_MASK = ClassName.get("jdk.incubator.vector", "VectorMask");
    ClassName VECTOR_OPERATORS = ClassName.get("jdk.incubator.vector", "VectorOperators");

    /** Name of the generated class's constant that holds its species of floats. */
    String FLOATS = "F";

    /** Name of the generated class's constant that holds its species of ints, of as many lanes as {@link #FLOATS}. */
    String INTS = "I";

    Lanes VECTOR = new VectorLanes();
    Lanes SCALAR = new ScalarLanes();

    TypeName floatType();

    TypeName intType();

    TypeName maskType();

    CodeBlock constant(float value);

    CodeBlock intConstant(int value);

    /** A boolean variable or literal, in every lane. */
    CodeBlock splatMask(CodeBlock single);

    /** A float variable, in every lane. */
    CodeBlock splat(CodeBlock single);

    /** An int variable, in every lane. */
    CodeBlock splatInt(CodeBlock single);

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

    CodeBlock selectInts(CodeBlock mask, CodeBlock ifTrue, CodeBlock ifFalse);

    /** The raw bits of floats as ints. */
    CodeBlock bits(CodeBlock a);

    CodeBlock fromBits(CodeBlock ints);

    /** Ints rounded to the nearest float. */
    CodeBlock toFloat(CodeBlock ints);

    /** Floats truncated towards zero, saturating, as Java's cast does. */
    CodeBlock toInt(CodeBlock floats);

    CodeBlock intNeg(CodeBlock a);

    CodeBlock intAbs(CodeBlock a);

    CodeBlock intMax(CodeBlock a, CodeBlock b);

    CodeBlock intMin(CodeBlock a, CodeBlock b);

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
}
