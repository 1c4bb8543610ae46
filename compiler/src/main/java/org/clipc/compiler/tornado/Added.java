package org.clipc.compiler.tornado;

import java.util.Optional;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;

/**
 * What is added to a product and no more, so that a library can add it: to sums in f32, which are rounded once.
 *
 * @param bias index of the epilogue's operand that is a vector for every row, or -1
 * @param roundsBias whether that is f32 and rounded before it is added, to the type of the result
 * @param matrix index of the operand that is a matrix of the result's type, or -1
 */
record Added(int bias, boolean roundsBias, int matrix) {

    static final Added NOTHING = new Added(-1, false, -1);

    /** A summand: an operand's index, and whether it is rounded to the sum's type first. */
    private record Summand(int operand, boolean isRounded) {}

    boolean isNothing() {
        return bias < 0 && matrix < 0;
    }

    /**
     * What an expression adds to operand 0, the product.
     *
     * @param dtype of the result; of what is rounded to it between sums, libraries round the last only
     * @param launch of the product and its epilogue
     */
    static Optional<Added> of(Expr expr, DType dtype, Launch launch) {
        return switch (expr) {
            case Expr.Arg(var index, var _) when index == 0 -> Optional.of(NOTHING);
            case Expr.Convert(var to, var x) when to == dtype || to == DType.F32 -> of(x, dtype, launch);
            case Expr.Binary(var fn, var a, var b)
            when fn == BinaryFn.ADD -> sum(a, b, dtype, launch).or(() -> sum(b, a, dtype, launch));
            default -> Optional.empty();
        };
    }

    private static Optional<Added> sum(Expr sum, Expr summand, DType dtype, Launch launch) {
        return summand(summand, dtype)
                .flatMap(added -> of(sum, dtype, launch).flatMap(before -> before.with(added, launch)));
    }

    private static Optional<Summand> summand(Expr expr, DType dtype) {
        return switch (expr) {
            case Expr.Arg(var index, var type)
            when index > 0 && type == dtype -> Optional.of(new Summand(index, false));
            case Expr.Convert(var to, Expr.Arg(var index, var type))
            when to == DType.F32 && index > 0 && type == dtype -> Optional.of(new Summand(index, false));
            case Expr.Convert(var to, Expr.Convert(var rounded, Expr.Arg(var index, var type)))
            when to == DType.F32 && rounded == dtype && index > 0 && type == DType.F32 ->
                Optional.of(new Summand(index, true));
            default -> Optional.empty();
        };
    }

    private Optional<Added> with(Summand summand, Launch launch) {
        var view = launch.inputs().get(1 + summand.operand());
        if (isVector(view) && bias < 0) {
            return Optional.of(new Added(summand.operand(), summand.isRounded(), matrix));
        }
        if (ProductTemplate.isMatrix(view, true) && !summand.isRounded() && matrix < 0) {
            return Optional.of(new Added(bias, roundsBias, summand.operand()));
        }
        return Optional.empty();
    }

    private static boolean isVector(View view) {
        return view.stride(3) == 1
                && IntStream.range(0, 3).allMatch(axis -> view.stride(axis) == 0 || view.dim(axis) == 1);
    }
}
