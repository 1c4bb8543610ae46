package org.clipc.compiler.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import org.clipc.ir.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What kernels in C compute is tested on devices, by the tests of templates. */
class CSourceTest {

    private static String kernel(String body, String helpers) {
        return """
                public final class K implements Task5 {
                    public void apply(Object context, Object f, Object n, Object args, Object constants) {
                        run((KernelContext) context, (FloatArray) f, (IntArray) n, (IntArray) args, (FloatArray) constants);
                    }
                    public static void run(KernelContext context, FloatArray f, IntArray n, IntArray args,
                            FloatArray constants) {
                %s
                    }
                %s
                }
                """.formatted(body, helpers);
    }

    private static String body(String java) {
        var text = CSource.print(CDialect.OPENCL, kernel(java, ""), "K", 64, 2, Set.of());
        var start = text.lastIndexOf("+ HEADER);\n") + "+ HEADER);\n".length();
        return text.substring(start, text.length() - "}\n".length()).indent(-4);
    }

    @Test
    void printsAWholeKernel() {
        var java = kernel(
                "final int local = context.localIdx;\nf.set(local, exp(f.get(local)));",
                "private static float exp(float x) { return TornadoMath.exp(x); }");
        assertThat(CSource.print(CDialect.OPENCL, java, "Exp_12", 32, 0, Set.of()))
                .isEqualTo("""
                static float exp_(float x);
                static float exp_(float x) {
                    return exp(x);
                }
                __attribute__((reqd_work_group_size(32, 1, 1)))
                __kernel void Exp_12(__global long *_context, __constant uchar *_constants, __local uchar *_local,
                        __global int *_atomics, __global uchar *f_, __global uchar *n_, __global uchar *args_, __global uchar *constants_) {
                    __global float *restrict f = (__global float *) (f_ + HEADER);
                    __global int *restrict n = (__global int *) (n_ + HEADER);
                    __global int *restrict args = (__global int *) (args_ + HEADER);
                    __global float *restrict constants = (__global float *) (constants_ + HEADER);
                    int local_ = (int) get_local_id(0);
                    f[local_] = exp_(f[local_]);
                }
                """);
    }

    /** As the expressions of kernels negate what they are given. */
    @Test
    void printsNegatedConstants() {
        for (var dtype : List.of(DType.I32, DType.F32)) {
            var constant = TornadoExpr.constant(-1, dtype);
            assertThat(body("n.set(0, n.get(0) < 0 ? -" + constant + " : 2);"))
                    .startsWith("n[0] = n[0] < 0 ? -(")
                    .endsWith(") : 2;\n");
        }
    }

    @Test
    void printsStatements() {
        assertThat(body("""
                final float[] tile = context.allocateFloatLocalArray(4 * 8);
                float[] sums = new float[6];
                boolean inside = true;
                for (int k = 0; k < 3; k++) {
                    if (inside && k != 1) {
                        sums[k] += tile[k] * 2f;
                    } else {
                        inside = !inside;
                    }
                }
                context.localBarrier();
                """)).isEqualTo("""
                __local float tile[4 * 8];
                float sums[6] = {0};
                bool inside = true;
                for (int k = 0; k < 3; k++) {
                    if (inside && k != 1) {
                        sums[k] += tile[k] * 2.0f;
                    }
                    else {
                        inside = !inside;
                    }
                }
                barrier(CLK_LOCAL_MEM_FENCE);
                """);
    }

    @Test
    void printsNumbersAndFunctions() {
        assertThat(body("""
                final long p = 0xD2511F53L * (args.get(0) & 0xFFFFFFFFL);
                int k = (int) (p >>> 32) ^ ~args.get(1);
                k += 0x9E3779B9;
                final float x = k > 0 ? TornadoMath.abs(-1.5E-8f) : Float.NEGATIVE_INFINITY;
                final double y = 1.0 - x;
                n.set(k, (int) y);
                """)).isEqualTo("""
                long p = 3528531795L * (args[0] & 4294967295L);
                int k = ((ulong) (p) >> 32) ^ ~args[1];
                k += ((int) 0x9e3779b9u);
                float x = k > 0 ? fabs(-1.5E-8f) : (-INFINITY);
                double y = 1.0 - x;
                n[k] = (int) y;
                """.replace("((ulong) (p) >> 32)", "(int) (((ulong) p >> 32))"));
    }

    @Test
    void loadsVectorsOfNeighboursAtOnce() {
        var neighbours =
                "new Float8(f.get(b + 8), f.get(b + 9), f.get(b + 10), f.get(b + 11), f.get(b + 12), f.get(b + 13),"
                        + " f.get(b + 14), f.get(b + 15))";
        assertThat(body("final Float8 v = " + neighbours + ";")).isEqualTo("float8 v = vload8(0, f + b + 8);\n");
        assertThat(body("final Float8 v = " + neighbours.replace("b + 15", "b + 16") + ";"))
                .contains("(float8) (f[b + 8], ")
                .contains("f[b + 16])");
        assertThat(body("""
                final Float8 a = new Float8(e, e, e, e, e, e, e, e);
                c = Float8.add(c, Float8.mult(a, v));
                x = c.getS7();
                """)).isEqualTo("""
                float8 a = (float8) (e);
                c = (c + (a * v));
                x = c.s7;
                """);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "while (true) { }",
                "String s = null;",
                "final float x = Math.exp(1);",
                "context.globalBarrier();",
                "if (true) return;",
                "final Float4 v = new Float4(1f, 1f, 1f, 1f);"
            })
    void refusesWhatKernelsDoNotHave(String statement) {
        assertThatThrownBy(() -> body(statement))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("C has no words yet for");
    }
}
