package org.clipc.ir.interp;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.ir.DType;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;

/** Ops that combine many elements into one: reduce, argmax and dot_general. */
final class Reductions {

    private Reductions() {}

    static Tensor64 reduce(Tensor64 x, Op.Reduce op, TensorType type) {
        var count = (int) (x.size() / type.elements());
        var rows = keptThenReduced(x, op.axes());
        var result = Tensor64.filled(type, identity(op.fn(), type.dtype()));
        for (var i = 0; i < rows.size(); i++) {
            result.data()[i / count] =
                    Scalars.binary(op.fn().ofTwo(), type.dtype(), result.get(i / count), rows.get(i));
        }
        return result;
    }

    private static double identity(ReduceFn fn, DType dtype) {
        var integer = dtype == DType.I32;
        return switch (fn) {
            case SUM -> 0;
            case MAX -> integer ? Integer.MIN_VALUE : Double.NEGATIVE_INFINITY;
            case MIN -> integer ? Integer.MAX_VALUE : Double.POSITIVE_INFINITY;
        };
    }

    static Tensor64 argMax(Tensor64 x, int axis, TensorType type) {
        var count = x.shape().dim(axis);
        var rows = keptThenReduced(x, List.of(axis));
        var result = Tensor64.zeros(type);
        for (var row = 0; row < result.size(); row++) {
            var best = 0;
            for (var i = 1; i < count; i++) {
                best = rows.get(row * count + i) > rows.get(row * count + best) ? i : best;
            }
            result.data()[row] = best;
        }
        return result;
    }

    /** Brings both operands to [batch, free, contracted] and multiplies row by row. */
    static Tensor64 dot(Tensor64 lhs, Tensor64 rhs, Op.DotGeneral op, TensorType type) {
        var a = batchFreeContracted(lhs, op.lhsBatch(), op.lhsContract());
        var b = batchFreeContracted(rhs, op.rhsBatch(), op.rhsContract());
        var batches = extent(lhs.shape(), op.lhsBatch());
        var k = extent(lhs.shape(), op.lhsContract());
        var m = a.size() / batches / k;
        var n = b.size() / batches / k;
        var result = Tensor64.zeros(type);
        for (var row = 0; row < batches * m; row++) {
            for (var column = 0; column < n; column++) {
                var other = row / m * n + column;
                var sum = 0.0;
                for (var i = 0; i < k; i++) {
                    sum += a.get(row * k + i) * b.get(other * k + i);
                }
                result.data()[row * n + column] = sum;
            }
        }
        return result;
    }

    private static Tensor64 batchFreeContracted(Tensor64 x, List<Integer> batch, List<Integer> contract) {
        var permutation = new ArrayList<>(batch);
        IntStream.range(0, x.shape().rank())
                .filter(axis -> !batch.contains(axis) && !contract.contains(axis))
                .forEach(permutation::add);
        permutation.addAll(contract);
        return Strided.transpose(x, permutation);
    }

    private static Tensor64 keptThenReduced(Tensor64 x, List<Integer> axes) {
        return batchFreeContracted(x, List.of(), axes);
    }

    private static int extent(Shape shape, List<Integer> axes) {
        return axes.stream().mapToInt(shape::dim).reduce(1, (a, b) -> a * b);
    }
}
