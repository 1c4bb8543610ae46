package org.clipc.compiler.jvm;

import java.util.List;
import java.util.function.IntUnaryOperator;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.Philox;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.interp.Scalars;

/** What expressions mean, one element at a time: i32 wraps, floats round to f32 after every exact operation. */
final class ExprOracle {

    /** The values of leaves at one position. */
    interface Leaves {
        double operand(int index);

        double attribute(int index);

        double uniform(Expr.Uniform uniform);

        int index(int axis);
    }

    private ExprOracle() {}

    /**
     * The leaves of an expression that a launch evaluates.
     *
     * @param inputs elements of each operand, in row-major order
     * @param element position in that order
     * @param index position along an axis
     */
    static Leaves leaves(Launch launch, List<double[]> inputs, int element, IntUnaryOperator index) {
        return new Leaves() {
            @Override
            public double operand(int operand) {
                return inputs.get(operand)[element];
            }

            @Override
            public double attribute(int attribute) {
                return launch.attributes().get(attribute);
            }

            @Override
            public double uniform(Expr.Uniform uniform) {
                var key = inputs.get(uniform.seed());
                var before = uniform.ofPart() ? ((long) key[2]) * (long) attribute(uniform.row()) : 0;
                return Philox.uniform((int) key[0], (int) key[1], before + element, (int) attribute(uniform.stream()));
            }

            @Override
            public int index(int axis) {
                return index.applyAsInt(axis);
            }
        };
    }

    static double eval(Expr expr, Leaves at) {
        return switch (expr) {
            case Expr.Arg(var index, var _) -> at.operand(index);
            case Expr.Const(var value, var dtype) -> dtype.isFloat() ? (float) value : value;
            case Expr.Attribute(var index, var dtype) ->
                dtype.isFloat() ? (float) at.attribute(index) : at.attribute(index);
            case Expr.Unary(var fn, var x) -> unary(fn, x.dtype(), eval(x, at));
            case Expr.Binary(var fn, var a, var b) -> binary(fn, a.dtype(), eval(a, at), eval(b, at));
            case Expr.Compare(var comparison, var a, var b) ->
                Scalars.compare(comparison, eval(a, at), eval(b, at)) ? 1 : 0;
            case Expr.Select(var condition, var a, var b) -> eval(condition, at) != 0 ? eval(a, at) : eval(b, at);
            case Expr.Convert(var dtype, var x) -> convert(x.dtype(), dtype, eval(x, at));
            case Expr.Uniform uniform -> at.uniform(uniform);
            case Expr.Index(var axis) -> at.index(axis);
        };
    }

    private static double unary(UnaryFn fn, DType dtype, double x) {
        if (!dtype.isFloat()) {
            return Scalars.unary(fn, dtype, x);
        }
        return switch (fn) {
            case RSQRT -> 1f / (float) Math.sqrt(x);
            case EXP, LOG, TANH, ERF, SIGMOID, SOFTPLUS, SIN, COS -> Scalars.unary(fn, dtype, x);
            default -> (float) Scalars.unary(fn, dtype, x);
        };
    }

    private static double binary(BinaryFn fn, DType dtype, double a, double b) {
        return dtype.isFloat() ? (float) Scalars.binary(fn, dtype, a, b) : Scalars.binary(fn, dtype, a, b);
    }

    private static double convert(DType from, DType to, double x) {
        return from == to ? x : to == DType.F32 ? (float) x : Scalars.convert(from, to, x);
    }
}
