package org.clipc.compiler.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.JavaFile;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeSpec;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleUnaryOperator;
import java.util.random.RandomGenerator;
import javax.lang.model.element.Modifier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JvmVectorMathTest {

    private static final Map<Integer, Class<?>> FUNCTIONS = new ConcurrentHashMap<>();

    private static Class<?> functions(int bits) {
        return FUNCTIONS.computeIfAbsent(bits, JvmVectorMathTest::compileFunctions);
    }

    /** A class with, for each function f, {@code vector_f(in, out)} and {@code scalar_f(in, out)} over arrays. */
    private static Class<?> compileFunctions(int bits) {
        var name = ClassName.get("org.clipc.kernels.jvm" + bits, "Functions");
        var type = TypeSpec.classBuilder(name).addModifiers(Modifier.PUBLIC, Modifier.FINAL);
        JvmVectorMath.addSpecies(type, bits);
        JvmVectorMath.addTo(type, Lanes.VECTOR, EnumSet.allOf(JvmVectorMath.class));
        JvmVectorMath.addTo(type, Lanes.SCALAR, EnumSet.allOf(JvmVectorMath.class));
        for (var function : JvmVectorMath.values()) {
            var f = function.methodName();
            type.addMethod(arrays("vector_" + f)
                    .beginControlFlow("for (int i = 0; i < in.length; i += F.length())")
                    .addStatement("$L($T.fromArray(F, in, i)).intoArray(out, i)", f, Lanes.FLOAT_VECTOR)
                    .endControlFlow()
                    .build());
            type.addMethod(arrays("scalar_" + f)
                    .beginControlFlow("for (int i = 0; i < in.length; i++)")
                    .addStatement("out[i] = $L(in[i])", f)
                    .endControlFlow()
                    .build());
        }
        var source = JavaFile.builder(name.packageName(), type.build()).build().toString();
        return TestClasses.load(
                JvmKernelCompiler.compile(Map.of(name.reflectionName(), source)), name.reflectionName());
    }

    private static MethodSpec.Builder arrays(String name) {
        return MethodSpec.methodBuilder(name)
                .addModifiers(Modifier.PUBLIC, Modifier.STATIC)
                .addParameter(float[].class, "in")
                .addParameter(float[].class, "out");
    }

    private static float[] apply(Class<?> functions, String method, float[] in) throws ReflectiveOperationException {
        Method m = functions.getMethod(method, float[].class, float[].class);
        var out = new float[in.length];
        m.invoke(null, in, out);
        return out;
    }

    private static double exact(JvmVectorMath function, double x) {
        DoubleUnaryOperator f = switch (function) {
            case EXP -> Math::exp;
            case LOG -> Math::log;
            case TANH -> Math::tanh;
            case ERF -> JvmVectorMathTest::erf;
            case SIGMOID -> v -> 1 / (1 + Math.exp(-v));
            case SOFTPLUS -> v -> Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
            case SIN -> Math::sin;
            case COS -> Math::cos;
        };
        return f.applyAsDouble(x);
    }

    /** erf by its Taylor series near 0 and by the continued fraction of erfc elsewhere: both exact to 1e-15. */
    private static double erf(double x) {
        var size = Math.abs(x);
        if (Double.isNaN(x) || size > 6) {
            return Double.isNaN(x) ? x : Math.signum(x);
        }
        if (size < 2.5) {
            var term = x;
            var sum = x;
            for (var n = 1; n < 100; n++) {
                term *= -x * x / n;
                sum += term / (2 * n + 1);
            }
            return sum * 2 / Math.sqrt(Math.PI);
        }
        var fraction = size;
        for (var n = 200; n > 0; n--) {
            fraction = size + n / 2.0 / fraction;
        }
        return Math.signum(x) * (1 - Math.exp(-x * x) / fraction / Math.sqrt(Math.PI));
    }

    @ParameterizedTest
    @CsvSource({
        "EXP,-87,88.7,2e-7",
        "EXP,-1,1,1.2e-7",
        "LOG,1e-45,1e-37,1.2e-7",
        "LOG,0.5,2,1.5e-7",
        "LOG,0,3e38,1.2e-7",
        "TANH,-1,1,2e-7",
        "TANH,-12,12,2e-7",
        "ERF,-1,1,2e-7",
        "ERF,-6,6,2e-7",
        "SIGMOID,-80,80,3e-7",
        "SOFTPLUS,-80,80,3e-7",
        "SOFTPLUS,-2,2,3e-7",
    })
    void relativeErrorsAreSmall(JvmVectorMath function, float from, float to, double bound)
            throws ReflectiveOperationException {
        for (var bits : TestClasses.widths()) {
            var in = uniform(1 << 16, from, to);
            var out = apply(functions(bits), "vector_" + function.methodName(), in);
            for (var i = 0; i < in.length; i++) {
                var want = exact(function, in[i]);
                if (!(Math.abs(out[i] - want) <= bound * Math.abs(want))) {
                    fail("%s(%s) = %s, want %s, %d bits", function, in[i], out[i], want, bits);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"SIN", "COS"})
    void absoluteErrorsOfSinesAreSmall(JvmVectorMath function) throws ReflectiveOperationException {
        for (var range : new float[] {1, 10, 1e4f, 1e5f}) {
            var in = uniform(1 << 16, -range, range);
            var out = apply(functions(TestClasses.widths()[0]), "vector_" + function.methodName(), in);
            for (var i = 0; i < in.length; i++) {
                if (!(Math.abs(out[i] - exact(function, in[i])) <= 1.5e-7)) {
                    fail("%s(%s) = %s, want %s", function, in[i], out[i], exact(function, in[i]));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"EXP", "LOG", "TANH", "ERF", "SIGMOID", "SOFTPLUS", "SIN", "COS"})
    void vectorsAndScalarsAgreeBitForBit(JvmVectorMath function) throws ReflectiveOperationException {
        var random = RandomGenerator.of("L64X128MixRandom");
        var in = new float[1 << 16];
        for (var i = 0; i < in.length; i++) {
            var any = Float.intBitsToFloat(random.nextInt());
            var near = (float) (random.nextGaussian() * 8);
            // A NaN's payload is the hardware's business.
            in[i] = Float.isNaN(any) ? Float.NaN : (i & 1) == 0 ? any : near;
        }
        for (var bits : TestClasses.widths()) {
            var functions = functions(bits);
            var vector = apply(functions, "vector_" + function.methodName(), in);
            var scalar = apply(functions, "scalar_" + function.methodName(), in);
            for (var i = 0; i < in.length; i++) {
                if (Float.floatToIntBits(vector[i]) != Float.floatToIntBits(scalar[i])) {
                    fail("%s(%s) at %d bits: %s and %s", function, in[i], bits, vector[i], scalar[i]);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "EXP,-Infinity,0",
        "EXP,-200,0",
        "EXP,0,1",
        "EXP,89,Infinity",
        "EXP,Infinity,Infinity",
        "EXP,NaN,NaN",
        "LOG,0,-Infinity",
        "LOG,-1,NaN",
        "LOG,1,0",
        "LOG,Infinity,Infinity",
        "LOG,NaN,NaN",
        "TANH,100,1",
        "TANH,-Infinity,-1",
        "TANH,-0.0,-0.0",
        "TANH,NaN,NaN",
        "ERF,5,1",
        "ERF,-Infinity,-1",
        "ERF,NaN,NaN",
        "SIGMOID,-100,0",
        "SIGMOID,100,1",
        "SIGMOID,NaN,NaN",
        "SOFTPLUS,-200,0",
        "SOFTPLUS,200,200",
        "SOFTPLUS,NaN,NaN",
        "SIN,0,0",
        "COS,0,1",
    })
    void specialValues(JvmVectorMath function, float x, float want) throws ReflectiveOperationException {
        for (var bits : TestClasses.widths()) {
            var in = new float[bits / Float.SIZE];
            Arrays.fill(in, x);
            var functions = functions(bits);
            assertThat(apply(functions, "vector_" + function.methodName(), in)).containsOnly(want);
            assertThat(apply(functions, "scalar_" + function.methodName(), in)).containsOnly(want);
        }
    }

    private static float[] uniform(int n, float from, float to) {
        var random = RandomGenerator.of("L64X128MixRandom");
        var x = new float[n];
        for (var i = 0; i < n; i++) {
            x[i] = (float) (from + (to - (double) from) * random.nextDouble());
        }
        return x;
    }
}
