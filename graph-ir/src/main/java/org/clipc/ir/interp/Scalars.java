package org.clipc.ir.interp;

import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.UnaryFn;

/** What the elementwise functions do to one element. Arguments and results are held in doubles, whatever their dtype. */
public final class Scalars {

    /** Beyond this argument erf rounds to 1 in float64. */
    private static final double ERF_SATURATES = 6;

    private Scalars() {}

    /** {@code fn} of one element of type {@code dtype}; float results are not rounded to the dtype. */
    public static double unary(UnaryFn fn, DType dtype, double x) {
        return switch (fn) {
            case NEG -> dtype == DType.I32 ? -(int) x : -x;
            case ABS -> dtype == DType.I32 ? Math.abs((int) x) : Math.abs(x);
            case SIGN -> Math.signum(x);
            case EXP -> Math.exp(x);
            case LOG -> Math.log(x);
            case SQRT -> Math.sqrt(x);
            case RSQRT -> 1 / Math.sqrt(x);
            case RECIPROCAL -> 1 / x;
            case TANH -> Math.tanh(x);
            case ERF -> erf(x);
            case SIGMOID -> 1 / (1 + Math.exp(-x));
            case SOFTPLUS -> Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
            case SIN -> Math.sin(x);
            case COS -> Math.cos(x);
            case FLOOR -> Math.floor(x);
            case NOT -> bool(x == 0);
        };
    }

    /**
     * {@code fn} of two elements of type {@code dtype}. i32 wraps around and divides towards zero, by zero to 0, and so do
     * its powers: a negative one of 1 or -1 is 1 or -1, of any other number 0. MAX and MIN of a NaN are NaN.
     */
    public static double binary(BinaryFn fn, DType dtype, double a, double b) {
        if (dtype == DType.I32) {
            return integer(fn, (int) a, (int) b);
        }
        return switch (fn) {
            case ADD -> a + b;
            case SUB -> a - b;
            case MUL -> a * b;
            case DIV -> a / b;
            case MAX -> Math.max(a, b);
            case MIN -> Math.min(a, b);
            case POW -> Math.pow(a, b);
            case AND -> bool(a != 0 && b != 0);
            case OR -> bool(a != 0 || b != 0);
        };
    }

    private static int integer(BinaryFn fn, int a, int b) {
        return switch (fn) {
            case ADD -> a + b;
            case SUB -> a - b;
            case MUL -> a * b;
            case DIV -> b == 0 ? 0 : a / b;
            case MAX -> Math.max(a, b);
            case MIN -> Math.min(a, b);
            case POW -> power(a, b);
            case AND, OR -> throw new IllegalArgumentException(fn + " takes bools");
        };
    }

    private static int power(int a, int b) {
        if (b < 0) {
            return Math.abs(a) == 1 ? power(a, b & 1) : 0;
        }
        var result = 1;
        var square = a;
        for (var rest = b; rest > 0; rest >>= 1) {
            result *= (rest & 1) == 0 ? 1 : square;
            square *= square;
        }
        return result;
    }

    public static boolean compare(Comparison comparison, double a, double b) {
        return switch (comparison) {
            case EQ -> a == b;
            case NE -> a != b;
            case LT -> a < b;
            case LE -> a <= b;
            case GT -> a > b;
            case GE -> a >= b;
        };
    }

    /** An element of type {@code from} as one of type {@code to}. f32 counts as float64 here, so only i32 rounds to f32. */
    public static double convert(DType from, DType to, double x) {
        return switch (to) {
            case F32 -> from == DType.I32 ? (float) x : x;
            case BF16, F16 -> round(to, x);
            case I32 -> (int) x;
            case BOOL -> bool(x != 0);
        };
    }

    /** {@code x} as storage of type {@code dtype} keeps it: bf16 and f16 round to nearest even, others keep all bits. */
    public static double round(DType dtype, double x) {
        return switch (dtype) {
            case BF16 -> roundToBfloat16((float) x);
            case F16 -> Float.float16ToFloat(Float.floatToFloat16((float) x));
            case F32, I32, BOOL -> x;
        };
    }

    private static float roundToBfloat16(float x) {
        if (Float.isNaN(x)) {
            return x;
        }
        var bits = Float.floatToRawIntBits(x);
        var rounded = bits + 0x7FFF + ((bits >>> 16) & 1);
        return Float.intBitsToFloat(rounded & 0xFFFF0000);
    }

    /**
     * The error function, by the series erf x = 2/√π · e^(-x²) · Σ 2^n x^(2n+1) / (2n+1)!! (Abramowitz and Stegun,
     * 7.1.6), whose terms have one sign.
     */
    private static double erf(double x) {
        if (Math.abs(x) >= ERF_SATURATES) {
            return Math.signum(x);
        }
        var sum = 0.0;
        var term = x;
        for (var n = 0; Math.abs(term) > 1e-20 * Math.abs(sum); n++) {
            sum += term;
            term *= 2 * x * x / (2 * n + 3);
        }
        return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
    }

    static double bool(boolean b) {
        return b ? 1 : 0;
    }
}
