package org.clipc.compiler.kernel;

import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.ir.interp.Scalars;

/**
 * GELU's approximation by tanh and its derivative, which libraries of products have as epilogues (cuBLASLt's GELU and DGELU):
 * {@code x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))} (Hendrycks and Gimpel 2016, arXiv:1606.08415). Models write it down
 * as arithmetic, which passes rearrange, so that it is known by its values.
 */
public final class TanhGelu {

    private static final double CUBIC = 0.044715;
    private static final double SCALE = Math.sqrt(2 / Math.PI);

    /** Where expressions are compared: from -6 to 6, beyond which both functions are straight lines. */
    private static final double[] POINTS =
            IntStream.rangeClosed(-48, 48).mapToDouble(i -> i / 8.0).toArray();

    private static final double[] FACTORS = {1, -2.5};

    /** Constants of a model may be those of f32. */
    private static final double TOLERANCE = 1e-6;

    private TanhGelu() {}

    /**
     * Whether an expression of operand 0 is GELU of it, but for roundings.
     *
     * @param attributes of the launch
     */
    public static boolean isValue(Expr expr, List<Double> attributes) {
        return Arrays.stream(POINTS).allMatch(x -> isClose(new Evaluation(List.of(x), attributes).of(expr), value(x)));
    }

    /** Whether all that an epilogue does is to multiply the product with GELU's derivative at its operand, but for roundings. */
    public static boolean isGradient(Launch launch) {
        return launch.spec() instanceof Gemm gemm
                && gemm.operands().size() == 1
                && gemm.results().size() == 1
                && isGradient(gemm.results().getFirst().value(), launch.attributes());
    }

    private static boolean isGradient(Expr expr, List<Double> attributes) {
        return Arrays.stream(POINTS)
                .allMatch(x -> Arrays.stream(FACTORS)
                        .allMatch(factor -> isClose(
                                new Evaluation(List.of(factor, x), attributes).of(expr), factor * derivative(x))));
    }

    /** Not so if an operand is read that is not there. */
    private static boolean isClose(double given, double expected) {
        return Math.abs(given - expected) <= TOLERANCE * Math.max(1, Math.abs(expected));
    }

    /** GELU, by tanh. */
    public static double value(double x) {
        return x / 2 * (1 + Math.tanh(SCALE * (x + CUBIC * x * x * x)));
    }

    /** Its derivative. */
    public static double derivative(double x) {
        var tanh = Math.tanh(SCALE * (x + CUBIC * x * x * x));
        return (1 + tanh) / 2 + x / 2 * (1 - tanh * tanh) * SCALE * (1 + 3 * CUBIC * x * x);
    }

    /** An expression's value, not rounded, where operands have these; NaN where it depends on anything else. */
    private record Evaluation(List<Double> operands, List<Double> attributes, IdentityHashMap<Expr, Double> known) {

        Evaluation(List<Double> operands, List<Double> attributes) {
            this(operands, attributes, new IdentityHashMap<>());
        }

        double of(Expr expr) {
            var value = known.get(expr);
            if (value == null) {
                value = compute(expr);
                known.put(expr, value);
            }
            return value;
        }

        private double compute(Expr expr) {
            return switch (expr) {
                case Expr.Arg(var index, var _) -> index < operands.size() ? operands.get(index) : Double.NaN;
                case Expr.Const(var value, var _) -> value;
                case Expr.Attribute(var index, var dtype) when dtype.isFloat() -> attributes.get(index);
                case Expr.Convert(var dtype, var x) when dtype.isFloat() -> of(x);
                case Expr.Unary(var fn, var x) -> Scalars.unary(fn, x.dtype(), of(x));
                case Expr.Binary(var fn, var a, var b)
                when a.dtype().isFloat() -> Scalars.binary(fn, a.dtype(), of(a), of(b));
                case Expr.Convert _,
                        Expr.Binary _,
                        Expr.Attribute _,
                        Expr.Compare _,
                        Expr.Select _,
                        Expr.Uniform _,
                        Expr.Index _ -> Double.NaN;
            };
        }
    }
}
