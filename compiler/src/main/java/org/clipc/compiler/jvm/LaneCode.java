package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.TypeName;
import org.clipc.ir.Comparison;

/**
 * A block of straight-line float code under construction: each step becomes a local variable, named in order, so that the
 * result can be used any number of times. Written once, spelled by the {@link Lanes} it was made for.
 */
class LaneCode {

    private final Lanes lanes;
    private final String prefix;
    private final CodeBlock.Builder statements = CodeBlock.builder();
    private int names;

    /** @param prefix of the local variables' names, so that several blocks can share a method */
    LaneCode(Lanes lanes, String prefix) {
        this.lanes = lanes;
        this.prefix = prefix;
    }

    Lanes lanes() {
        return lanes;
    }

    /** The statements so far. */
    CodeBlock statements() {
        return statements.build();
    }

    /** Adds a statement that declares nothing. */
    void run(CodeBlock statement) {
        statements.addStatement(statement);
    }

    /** Declares a variable of the lanes' float type. */
    CodeBlock let(CodeBlock value) {
        return declare(lanes.floatType(), value);
    }

    CodeBlock letInts(CodeBlock value) {
        return declare(lanes.intType(), value);
    }

    CodeBlock letMask(CodeBlock value) {
        return declare(lanes.maskType(), value);
    }

    private CodeBlock declare(TypeName type, CodeBlock value) {
        var name = CodeBlock.of("$L", prefix + names++);
        statements.addStatement("final $T $L = $L", type, name, value);
        return name;
    }

    CodeBlock constant(float value) {
        return lanes.constant(value);
    }

    CodeBlock add(CodeBlock a, CodeBlock b) {
        return let(lanes.add(a, b));
    }

    CodeBlock sub(CodeBlock a, CodeBlock b) {
        return let(lanes.sub(a, b));
    }

    CodeBlock mul(CodeBlock a, CodeBlock b) {
        return let(lanes.mul(a, b));
    }

    CodeBlock div(CodeBlock a, CodeBlock b) {
        return let(lanes.div(a, b));
    }

    CodeBlock fma(CodeBlock a, CodeBlock b, CodeBlock c) {
        return let(lanes.fma(a, b, c));
    }

    CodeBlock fma(CodeBlock a, float b, CodeBlock c) {
        return let(lanes.fma(a, constant(b), c));
    }

    CodeBlock fma(CodeBlock a, float b, float c) {
        return let(lanes.fma(a, constant(b), constant(c)));
    }

    CodeBlock abs(CodeBlock a) {
        return let(lanes.abs(a));
    }

    CodeBlock neg(CodeBlock a) {
        return let(lanes.neg(a));
    }

    CodeBlock compare(Comparison comparison, CodeBlock a, CodeBlock b) {
        return letMask(lanes.compare(comparison, a, b));
    }

    CodeBlock select(CodeBlock mask, CodeBlock ifTrue, CodeBlock ifFalse) {
        return let(lanes.select(mask, ifTrue, ifFalse));
    }

    /**
     * A function of {@code x}: for vectors its steps right here, for single floats a call of its rendered method. HotSpot
     * stops inlining methods other than the Vector API's own once a loop has grown to some fifty vector operations, and
     * vectors that cross a call are boxed.
     */
    CodeBlock apply(JvmVectorMath function, CodeBlock x) {
        return lanes.equals(Lanes.VECTOR) ? function.body(this, x) : let(function.call(x));
    }

    /** c[0] + c[1]·x + c[2]·x² + …, by Horner's rule. */
    CodeBlock polynomial(CodeBlock x, float... coefficients) {
        var last = coefficients.length - 1;
        var sum = constant(coefficients[last]);
        for (var i = last - 1; i >= 0; i--) {
            sum = fma(sum, x, constant(coefficients[i]));
        }
        return sum;
    }
}
