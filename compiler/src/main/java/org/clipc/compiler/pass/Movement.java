package org.clipc.compiler.pass;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.Value;

/** Chains of reshapes, transposes and broadcasts become one op, or none. */
final class Movement {

    private Movement() {}

    static Optional<Value> apply(Op op, List<Value> in, Rewriter r) {
        return switch (op) {
            case Op.Reshape(var shape) -> reshape(shape, in.get(0), r);
            case Op.Transpose(var permutation) -> transpose(permutation, in.get(0), r);
            case Op.Broadcast broadcast -> broadcast(broadcast, in.get(0), r);
            default -> Optional.empty();
        };
    }

    private static Optional<Value> reshape(Shape shape, Value x, Rewriter r) {
        if (r.shape(x).equals(shape)) {
            return Optional.of(x);
        }
        if (r.op(x) instanceof Op.Reshape) {
            return Optional.of(r.reshape(r.operand(x, 0), shape));
        }
        if (r.op(x) instanceof Op.Broadcast && r.shape(r.operand(x, 0)).rank() == 0) {
            return Optional.of(r.add(new Op.Broadcast(shape, List.of()), r.operand(x, 0)));
        }
        if (r.op(x) instanceof Op.Broadcast broadcast
                && squeezed(broadcast.shape()).equals(squeezed(shape))) {
            return Optional.of(r.add(moveAxes(broadcast, shape), r.operand(x, 0)));
        }
        return Optional.empty();
    }

    /** The broadcast to a shape that differs in axes of extent 1 only; its operand has none. */
    private static Op moveAxes(Op.Broadcast broadcast, Shape shape) {
        var from = longAxes(broadcast.shape());
        var to = longAxes(shape);
        var axes = broadcast.axes().stream().map(a -> to.get(from.indexOf(a))).toList();
        return new Op.Broadcast(shape, axes);
    }

    private static Optional<Value> transpose(List<Integer> permutation, Value x, Rewriter r) {
        if (r.op(x) instanceof Op.Transpose(var inner)) {
            var composed = permutation.stream().map(inner::get).toList();
            return Optional.of(r.add(new Op.Transpose(composed), r.operand(x, 0)));
        }
        var moved = new Shape(permutation.stream().map(r.shape(x)::dim).toList());
        if (isAscending(permutation.stream().filter(a -> r.shape(x).dim(a) > 1).toList())) {
            return Optional.of(r.reshape(x, moved));
        }
        if (r.op(x) instanceof Op.Broadcast(var _, var axes)) {
            return Optional.of(transposedBroadcast(permutation, moved, axes, r.operand(x, 0), r));
        }
        return Optional.empty();
    }

    private static Value transposedBroadcast(
            List<Integer> permutation, Shape moved, List<Integer> axes, Value source, Rewriter r) {
        var order = range(axes.size()).stream()
                .sorted(Comparator.comparingInt(i -> permutation.indexOf(axes.get(i))))
                .toList();
        var target = order.stream().map(i -> permutation.indexOf(axes.get(i))).toList();
        return r.add(new Op.Broadcast(moved, target), r.add(new Op.Transpose(order), source));
    }

    private static Optional<Value> broadcast(Op.Broadcast op, Value x, Rewriter r) {
        var from = r.shape(x);
        if (from.equals(op.shape())) {
            return Optional.of(x);
        }
        if (from.elements() == op.shape().elements()) {
            return Optional.of(r.reshape(x, op.shape()));
        }
        var kept = longAxes(from);
        if (kept.size() < from.rank()) {
            var axes = kept.stream().map(op.axes()::get).toList();
            return Optional.of(r.add(new Op.Broadcast(op.shape(), axes), r.reshape(x, squeezed(from))));
        }
        if (r.op(x) instanceof Op.Broadcast(var _, var inner)) {
            var axes = inner.stream().map(op.axes()::get).toList();
            return Optional.of(r.add(new Op.Broadcast(op.shape(), axes), r.operand(x, 0)));
        }
        return Optional.empty();
    }

    private static Shape squeezed(Shape shape) {
        return new Shape(shape.dims().stream().filter(d -> d > 1).toList());
    }

    private static List<Integer> longAxes(Shape shape) {
        return range(shape.rank()).stream().filter(a -> shape.dim(a) > 1).toList();
    }

    private static boolean isAscending(List<Integer> axes) {
        return axes.equals(axes.stream().sorted().toList());
    }

    private static List<Integer> range(int count) {
        return IntStream.range(0, count).boxed().toList();
    }
}
