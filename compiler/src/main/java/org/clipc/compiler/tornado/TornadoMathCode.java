package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import java.util.List;
import java.util.Locale;
import org.clipc.compiler.kernel.IntPower;

/** Functions that TornadoVM's math library lacks, or that expressions in plain text call. */
@SuppressWarnings("ImmutableEnumChecker") // JavaPoet's types and lists of constants never change
enum TornadoMathCode {
    /** Near 0, where 1 - erfc(x) would cancel, the Taylor series; elsewhere an approximation of erfc. */
    ERF(TypeName.FLOAT, TypeName.FLOAT, List.of("x")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of("""
                    final float a = x < 0f ? -x : x;
                    final float s = x * x;
                    // Odd powers up to 11: exact to f32 below 0.5.
                    final float near = x * (1.1283791671f + s * (-0.3761263890f + s * (0.1128379167f + s * (-0.0268661706f
                            + s * (0.0052239776f + s * -0.0008548327f)))));
                    // erfc(a) = t·exp(-a² + polynomial), Press et al., Numerical Recipes, section 6.2: 1.2e-7 relative.
                    final float t = 1f / (1f + 0.5f * a);
                    final float r = t * $T.exp(-s - 1.26551223f + t * (1.00002368f + t * (0.37409196f + t * (0.09678418f
                            + t * (-0.18628806f + t * (0.27886807f + t * (-1.13520398f + t * (1.48851587f
                            + t * (-0.82215223f + t * 0.17087277f)))))))));
                    final float far = x < 0f ? r - 1f : 1f - r;
                    return a < 0.5f ? near : far;
                    """, TornadoApi.MATH);
        }
    },
    EXP(TypeName.FLOAT, TypeName.FLOAT, List.of("x")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of("return $T.exp(x);\n", TornadoApi.MATH);
        }
    },
    SIGMOID(TypeName.FLOAT, TypeName.FLOAT, List.of("x")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of("return 1f / (1f + $T.exp(-x));\n", TornadoApi.MATH);
        }
    },
    /** Without overflow, and exact where exp(-|x|) is small: log(1 + e) = log(1 + e)·e / ((1 + e) - 1) (Kahan). */
    SOFTPLUS(TypeName.FLOAT, TypeName.FLOAT, List.of("x")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of("""
                    final float e = $1T.exp(x < 0f ? x : -x);
                    final float u = 1f + e;
                    final float d = u - 1f;
                    final float log = d == 0f ? e : $1T.log(u) * e / d;
                    return x > 0f ? x + log : log;
                    """, TornadoApi.MATH);
        }
    },
    /** 1 - e^x for x at most 0: by the Taylor series where the difference would cancel. */
    ONE_MINUS_EXP(TypeName.FLOAT, TypeName.FLOAT, List.of("x")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of("""
                    if (x < -0.25f) {
                        return 1f - $T.exp(x);
                    }
                    return -x * (1f + x * (0.5f + x * (0.16666667f + x * (0.041666668f + x * (0.008333334f
                            + x * (0.0013888889f + x * 0.0001984127f))))));
                    """, TornadoApi.MATH);
        }
    },
    /** NaN wins, and 0 over -0, as in {@link Math#max}: what OpenCL's fmax and a comparison leave open. */
    MAX(TypeName.FLOAT, TypeName.FLOAT, List.of("a", "b")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of("return a == 0f && b == 0f ? a + b : (a > b || a != a ? a : b);\n");
        }
    },
    /** NaN wins, and -0 over 0. */
    MIN(TypeName.FLOAT, TypeName.FLOAT, List.of("a", "b")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of("return a == 0f && b == 0f ? -(-a - b) : (a < b || a != a ? a : b);\n");
        }
    },
    /** Division by 0 gives 0. By -1, C leaves open what the least int gives. */
    INT_DIVIDE(TypeName.INT, TypeName.INT, List.of("a", "b")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of("return b == 0 ? 0 : b == -1 ? -a : a / b;\n");
        }
    },
    INT_POW(TypeName.INT, TypeName.INT, List.of("a", "b")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of(IntPower.BODY);
        }
    },
    /** The uniform number of element {@code index} of a stream, as {@link org.clipc.ir.Philox} defines it. */
    UNIFORM(TypeName.FLOAT, TypeName.INT, List.of("low", "high", "key0", "key1", "stream")) {
        @Override
        CodeBlock body() {
            return CodeBlock.of("""
                    final int word = low & 3;
                    int c0 = ((low >> 2) & 0x3FFFFFFF) | (high << 30);
                    int c1 = (high >> 2) & 0x3FFFFFFF;
                    int c2 = stream;
                    int c3 = 0;
                    int k0 = key0;
                    int k1 = key1;
                    for (int round = 0; round < 10; round++) {
                        final long p0 = 0xD2511F53L * (c0 & 0xFFFFFFFFL);
                        final long p1 = 0xCD9E8D57L * (c2 & 0xFFFFFFFFL);
                        c0 = ((int) (p1 >>> 32)) ^ c1 ^ k0;
                        c1 = (int) p1;
                        c2 = ((int) (p0 >>> 32)) ^ c3 ^ k1;
                        c3 = (int) p0;
                        k0 += 0x9E3779B9;
                        k1 += 0xBB67AE85;
                    }
                    final int bits = word == 0 ? c0 : word == 1 ? c1 : word == 2 ? c2 : c3;
                    // TornadoVM's unsigned shifts of ints keep the sign.
                    return ((bits >> 8) & 0xFFFFFF) * 5.9604645E-8f;
                    """);
        }
    };

    private final TypeName returns;
    private final TypeName takes;
    private final List<String> parameters;

    TornadoMathCode(TypeName returns, TypeName takes, List<String> parameters) {
        this.returns = returns;
        this.takes = takes;
        this.parameters = parameters;
    }

    abstract CodeBlock body();

    /** Adds the method to the kernel's class; returns a call of it. */
    CodeBlock call(TornadoKernel.Helpers helpers, CodeBlock... arguments) {
        add(helpers);
        return CodeBlock.of("$L($L)", methodName(), CodeBlock.join(List.of(arguments), ", "));
    }

    /** Adds the method to the kernel's class. */
    void add(TornadoKernel.Helpers helpers) {
        helpers.add(method());
    }

    private MethodSpec method() {
        var method = TornadoKernel.Helpers.method(methodName(), returns);
        parameters.forEach(parameter -> method.addParameter(takes, parameter));
        return method.addCode(body()).build();
    }

    private String methodName() {
        return switch (this) {
            case INT_DIVIDE -> "intDivide";
            case INT_POW -> "intPow";
            case ONE_MINUS_EXP -> "oneMinusExp";
            default -> name().toLowerCase(Locale.ROOT);
        };
    }
}
