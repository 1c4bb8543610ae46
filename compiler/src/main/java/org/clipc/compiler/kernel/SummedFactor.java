package org.clipc.compiler.kernel;

import java.util.Optional;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.KernelSpec.Reduce;
import org.clipc.ir.ReduceFn;

/**
 * A factor of a product whose sums over the depth are wanted, too: of a gradient's rows, the bias's gradient beside the
 * weight's. A target may compute them along with the product, so their memory is theirs from then on.
 */
public enum SummedFactor {
    /** A: a sum for each row of C. */
    LHS,
    /** B: a sum for each column of C. */
    RHS;

    /** The factor that the launch behind a product sums, if it does nothing else. */
    public static Optional<SummedFactor> of(Launch product, Launch next) {
        if (!(product.spec() instanceof Gemm) || !isSum(next)) {
            return Optional.empty();
        }
        var summed = next.inputs().getFirst();
        if (isSame(product.inputs().get(0), 3, 2, summed)) {
            return Optional.of(LHS);
        }
        return isSame(product.inputs().get(1), 2, 3, summed) ? Optional.of(RHS) : Optional.empty();
    }

    private static boolean isSum(Launch launch) {
        return launch.spec() instanceof Reduce(var fn, var inner, var operands, var value, var _)
                && fn == ReduceFn.SUM
                && !inner
                && operands.size() == 1
                && isElement(value);
    }

    private static boolean isElement(Expr value) {
        return switch (value) {
            case Expr.Convert(var to, var x) -> to.isFloat() && isElement(x);
            case Expr.Arg(var _, var dtype) -> dtype.isFloat();
            default -> false;
        };
    }

    /** Whether a factor [1, 1, …] is a tensor [1, depth, width]. */
    private static boolean isSame(View factor, int depth, int width, View tensor) {
        return factor.buffer() == tensor.buffer()
                && factor.offset() == tensor.offset()
                && factor.dtype() == tensor.dtype()
                && factor.dim(0) * factor.dim(1) * tensor.dim(0) == 1
                && factor.dim(depth) == tensor.dim(1)
                && factor.dim(width) == tensor.dim(2)
                && factor.stride(depth) == tensor.stride(1)
                && factor.stride(width) == tensor.stride(2);
    }
}
