package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.FieldSpec;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.ParameterizedTypeName;
import com.palantir.javapoet.TypeSpec;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import javax.lang.model.element.Modifier;
import org.clipc.ir.Comparison;

/**
 * Elementary functions for generated kernels, which may depend on the JDK alone. Each is rendered as two static methods
 * of the generated class, over vectors and over single floats; a loop over vectors with a scalar tail gives the same
 * bits for an element wherever it falls.
 *
 * <p>Errors are below 2 units in the last place, but for sin and cos near their zeros far from 0. The polynomials are
 * minimax fits of relative error, made for this file (Remez-like, by iteratively reweighted least squares in 40 digits,
 * coefficients rounded one after the other with the rest refitted). exp, log and tanh split their range as Cephes does;
 * erf's large branch approximates the logarithm of erfc, an idea of N. Juffa.
 */
enum JvmVectorMath {
    /** e^x; 0 where the result would be subnormal. */
    EXP {
        @Override
        CodeBlock body(LaneCode c, CodeBlock x) {
            var lanes = c.lanes();
            // Adding 1.5·2²³ rounds to an integer and leaves it in the low bits of the sum.
            var shifted = c.fma(x, LOG2_E, ROUNDER);
            var n = c.sub(shifted, c.constant(ROUNDER));
            var r = c.fma(n, -LN_2, x);
            r = c.fma(n, -LN_2_REST, r);
            var p = c.polynomial(r, 1f, 1f, 0.49999994f, 0.16666521f, 0.041668262f, 0.008368674f, 0.0013821017f);
            var exponent = c.letInts(lanes.shiftLeft(lanes.bits(shifted), 23));
            var y = c.let(lanes.fromBits(lanes.intAdd(lanes.bits(p), exponent)));
            y = c.select(c.compare(Comparison.LT, x, c.constant(-87.33654f)), c.constant(0), y);
            return c.select(c.compare(Comparison.GT, x, c.constant(88.72283f)), c.constant(Float.POSITIVE_INFINITY), y);
        }
    },

    LOG {
        @Override
        CodeBlock body(LaneCode c, CodeBlock x) {
            var lanes = c.lanes();
            var subnormal = c.compare(Comparison.LT, x, c.constant(Float.MIN_NORMAL));
            var scaled = c.select(subnormal, c.mul(x, c.constant(0x1p23f)), x);
            // x = m·2^e with m in [sqrt(1/2), sqrt(2)).
            var offset = lanes.intConstant(Float.floatToRawIntBits(0.70710677f));
            var i = c.letInts(lanes.intSub(lanes.bits(scaled), offset));
            var e = c.let(lanes.toFloat(lanes.shiftRight(i, 23)));
            e = c.add(e, c.select(subnormal, c.constant(-23), c.constant(0)));
            var m = c.let(lanes.fromBits(lanes.intAdd(lanes.intAnd(i, lanes.intConstant(0x007fffff)), offset)));
            var f = c.sub(m, c.constant(1));
            var p = c.polynomial(
                    f,
                    0.3333333f,
                    -0.2500082f,
                    0.20001243f,
                    -0.16623409f,
                    0.14201552f,
                    -0.13159601f,
                    0.12762347f,
                    -0.076365225f);
            var square = c.mul(f, f);
            var tail = c.fma(c.mul(square, f), p, c.mul(e, c.constant(LN_2_REST)));
            tail = c.fma(square, c.constant(-0.5f), tail);
            var y = c.fma(e, c.constant(LN_2), c.add(f, tail));
            y = c.select(c.compare(Comparison.EQ, x, c.constant(0)), c.constant(Float.NEGATIVE_INFINITY), y);
            y = c.select(c.compare(Comparison.LT, x, c.constant(0)), c.constant(Float.NaN), y);
            // +∞ and NaN are their own logarithms.
            return c.select(c.compare(Comparison.LE, x, c.constant(Float.MAX_VALUE)), y, x);
        }
    },

    TANH(EXP) {
        @Override
        CodeBlock body(LaneCode c, CodeBlock x) {
            var size = c.abs(x);
            var square = c.mul(x, x);
            var p = c.polynomial(square, -0.333333f, 0.13331936f, -0.053784717f, 0.020798624f, -0.005897961f);
            var small = c.fma(c.mul(size, square), p, size);
            var e = c.apply(EXP, c.add(size, size));
            var large = c.sub(c.constant(1), c.div(c.constant(2), c.add(e, c.constant(1))));
            var isSmall = c.compare(Comparison.LT, size, c.constant(0.6f));
            return copySign(c, c.select(isSmall, small, large), x);
        }
    },

    /** (2/√π)·∫ e^(-t²) dt from 0 to x. */
    ERF(EXP) {
        @Override
        CodeBlock body(LaneCode c, CodeBlock x) {
            var size = c.abs(x);
            var square = c.mul(x, x);
            var p = c.polynomial(
                    square, 0.12837915f, -0.3761249f, 0.11281731f, -0.026762966f, 0.0049873525f, -0.0005959584f);
            var small = c.fma(size, p, size);
            // erf(4) rounds to 1; NaN fails the comparison and stays.
            var t = c.select(c.compare(Comparison.GT, size, c.constant(4)), c.constant(4), size);
            var q = c.polynomial(
                    t,
                    0.12865217f,
                    0.6351359f,
                    0.106263176f,
                    -0.02378537f,
                    0.0036537745f,
                    -0.0003256552f,
                    1.1522469e-5f);
            var e = c.apply(EXP, c.neg(c.fma(t, q, t)));
            var large = c.sub(c.constant(1), e);
            var isSmall = c.compare(Comparison.LT, size, c.constant(0.93f));
            return copySign(c, c.select(isSmall, small, large), x);
        }
    },

    /** 1 / (1 + e^-x). */
    SIGMOID(EXP) {
        @Override
        CodeBlock body(LaneCode c, CodeBlock x) {
            var e = c.apply(EXP, c.neg(x));
            return c.div(c.constant(1), c.add(e, c.constant(1)));
        }
    },

    /** log(1 + e^x). */
    SOFTPLUS(EXP, LOG) {
        @Override
        CodeBlock body(LaneCode c, CodeBlock x) {
            var u = c.apply(EXP, c.neg(c.abs(x)));
            var w = c.add(u, c.constant(1));
            // log(1 + u) = log(w) + (1 + u - w) / w, to first order in the rounding of w.
            var rounding = c.sub(u, c.sub(w, c.constant(1)));
            var log1p = c.add(c.apply(LOG, w), c.div(rounding, w));
            var positive = c.compare(Comparison.GT, x, c.constant(0));
            return c.add(c.select(positive, x, c.constant(0)), log1p);
        }
    },

    /** For |x| below 10⁵. */
    SIN {
        @Override
        CodeBlock body(LaneCode c, CodeBlock x) {
            return sine(c, x, 0);
        }
    },

    /** For |x| below 10⁵. */
    COS {
        @Override
        CodeBlock body(LaneCode c, CodeBlock x) {
            return sine(c, x, 1);
        }
    };

    private static final float LOG2_E = 1.442695f;
    private static final float LN_2 = 0.6931472f;
    private static final float LN_2_REST = -1.9046542e-9f;
    private static final float ROUNDER = 0x1.8p23f;

    @SuppressWarnings("ImmutableEnumChecker") // List.of is immutable
    private final List<JvmVectorMath> uses;

    JvmVectorMath(JvmVectorMath... uses) {
        this.uses = List.of(uses);
    }

    abstract CodeBlock body(LaneCode code, CodeBlock x);

    /** Name of the rendered methods. */
    String methodName() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** A call of the rendered method. */
    CodeBlock call(CodeBlock x) {
        return CodeBlock.of("$L($L)", methodName(), x);
    }

    /**
     * Adds the methods of {@code functions}, and of those they call, to a class that has {@link #addSpecies species}. Code
     * over vectors had better not call methods: see {@link LaneCode#apply}.
     */
    static void addTo(TypeSpec.Builder type, Lanes lanes, Set<JvmVectorMath> functions) {
        var all = EnumSet.noneOf(JvmVectorMath.class);
        for (var function : functions) {
            all.add(function);
            all.addAll(function.uses);
        }
        all.forEach(function -> type.addMethod(function.method(lanes)));
    }

    /** Adds the constants for the species of {@code bits} wide vectors, which {@link Lanes#VECTOR} refers to. */
    static void addSpecies(TypeSpec.Builder type, int bits) {
        type.addField(species(Lanes.FLOATS, Lanes.FLOAT_VECTOR, Float.class, bits));
        type.addField(species(Lanes.INTS, Lanes.INT_VECTOR, Integer.class, bits));
    }

    private static FieldSpec species(String name, ClassName vector, Class<?> element, int bits) {
        var type = ParameterizedTypeName.get(
                ClassName.get("jdk.incubator.vector", "VectorSpecies"), ClassName.get(element));
        return FieldSpec.builder(type, name, Modifier.PRIVATE, Modifier.STATIC, Modifier.FINAL)
                .initializer("$T.SPECIES_$L", vector, bits)
                .build();
    }

    private MethodSpec method(Lanes lanes) {
        var code = new LaneCode(lanes, "t");
        var result = body(code, CodeBlock.of("x"));
        return MethodSpec.methodBuilder(methodName())
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .returns(lanes.floatType())
                .addParameter(lanes.floatType(), "x", Modifier.FINAL)
                .addCode(code.statements())
                .addStatement("return $L", result)
                .build();
    }

    private static CodeBlock copySign(LaneCode c, CodeBlock nonNegative, CodeBlock x) {
        var lanes = c.lanes();
        var sign = lanes.intAnd(lanes.bits(x), lanes.intConstant(Integer.MIN_VALUE));
        return c.let(lanes.fromBits(lanes.intOr(lanes.bits(nonNegative), sign)));
    }

    /** sin(x + quarterTurns·π/2). */
    private static CodeBlock sine(LaneCode c, CodeBlock x, int quarterTurns) {
        var lanes = c.lanes();
        var shifted = c.fma(x, (float) (2 / Math.PI), ROUNDER);
        var n = c.sub(shifted, c.constant(ROUNDER));
        // π/2 in three floats (Cody and Waite's reduction).
        var r = c.fma(n, -1.5707964f, x);
        r = c.fma(n, 4.371139e-8f, r);
        r = c.fma(n, 1.7151249e-15f, r);
        var square = c.mul(r, r);
        var sinP = c.polynomial(square, -0.16666667f, 0.008333379f, -0.00019853069f, 2.8326187e-6f);
        var sin = c.fma(c.mul(r, square), sinP, r);
        var cosP = c.polynomial(square, -0.5f, 0.041666668f, -0.001388898f, 2.4822002e-5f, -2.887743e-7f);
        var cos = c.fma(square, cosP, c.constant(1));
        var quadrant = c.letInts(lanes.intAdd(lanes.bits(shifted), lanes.intConstant(quarterTurns)));
        var odd = lanes.intAnd(quadrant, lanes.intConstant(1));
        var isOdd = c.letMask(lanes.compareInts(Comparison.EQ, odd, lanes.intConstant(1)));
        var size = c.select(isOdd, cos, sin);
        var sign = lanes.shiftLeft(lanes.intAnd(quadrant, lanes.intConstant(2)), 30);
        return c.let(lanes.fromBits(lanes.intXor(lanes.bits(size), sign)));
    }
}
