package org.clipc.compiler.pass;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Value;

/** Reductions of reductions and broadcasts, and transposes around matrix products. */
final class Contractions {

    private Contractions() {}

    static Optional<Value> apply(Op op, List<Value> in, Rewriter r) {
        return switch (op) {
            case Op.Reduce reduce -> reduce(reduce, in.get(0), r);
            case Op.DotGeneral dot -> dot(dot, in.get(0), in.get(1), r);
            case Op.Transpose(var permutation) -> transposedProduct(permutation, in.get(0), r);
            default -> Optional.empty();
        };
    }

    private static Optional<Value> reduce(Op.Reduce op, Value x, Rewriter r) {
        var shape = r.shape(x);
        if (op.axes().stream().allMatch(a -> shape.dim(a) == 1)) {
            return Optional.of(r.reshape(x, shape.without(op.axes())));
        }
        var dtype = r.type(x).dtype();
        if (op.fn() == ReduceFn.SUM && dtype != DType.F32 && dtype != DType.I32) {
            return Optional.empty();
        }
        return switch (r.op(x)) {
            case Op.Reduce(var fn, var axes)
            when fn == op.fn() -> {
                var left = range(r.shape(r.operand(x, 0)).rank());
                left.removeAll(axes);
                var all = new ArrayList<>(axes);
                op.axes().forEach(a -> all.add(left.get(a)));
                yield Optional.of(r.add(new Op.Reduce(fn, all.stream().sorted().toList()), r.operand(x, 0)));
            }
            case Op.Broadcast(var _, var axes) -> reduceOfBroadcast(op, axes, x, r);
            default -> Optional.empty();
        };
    }

    /** A sum over repeated elements is a product. */
    private static Optional<Value> reduceOfBroadcast(Op.Reduce op, List<Integer> axes, Value x, Rewriter r) {
        var repeated = op.axes().stream().filter(a -> !axes.contains(a)).toList();
        if (repeated.isEmpty()) {
            return Optional.empty();
        }
        var count = repeated.stream().mapToLong(r.shape(x)::dim).reduce(1, (a, b) -> a * b);
        var left = range(r.shape(x).rank());
        left.removeAll(repeated);
        var source = r.operand(x, 0);
        var once = r.add(
                new Op.Broadcast(
                        r.shape(x).without(repeated),
                        axes.stream().map(left::indexOf).toList()),
                source);
        var factor = op.fn() == ReduceFn.SUM ? (double) count : 1;
        var scaled = r.add(new Op.Binary(BinaryFn.MUL), once, r.constant(r.type(once), factor));
        var rest = op.axes().stream().filter(axes::contains).map(left::indexOf).toList();
        return Optional.of(rest.isEmpty() ? scaled : r.add(new Op.Reduce(op.fn(), rest), scaled));
    }

    /** Absorbs transposes of operands, if the order of the free axes does not show it. */
    private static Optional<Value> dot(Op.DotGeneral op, Value lhs, Value rhs, Rewriter r) {
        if (r.op(lhs) instanceof Op.Transpose(var p) && keepsFreeAxes(p, op.lhsBatch(), op.lhsContract())) {
            var absorbed = new Op.DotGeneral(
                    mapped(op.lhsBatch(), p), op.rhsBatch(), mapped(op.lhsContract(), p), op.rhsContract());
            return Optional.of(r.add(absorbed, r.operand(lhs, 0), rhs));
        }
        if (r.op(rhs) instanceof Op.Transpose(var p) && keepsFreeAxes(p, op.rhsBatch(), op.rhsContract())) {
            var absorbed = new Op.DotGeneral(
                    op.lhsBatch(), mapped(op.rhsBatch(), p), op.lhsContract(), mapped(op.rhsContract(), p));
            return Optional.of(r.add(absorbed, lhs, r.operand(rhs, 0)));
        }
        return Optional.empty();
    }

    private static boolean keepsFreeAxes(List<Integer> permutation, List<Integer> batch, List<Integer> contract) {
        var free = range(permutation.size());
        free.removeAll(batch);
        free.removeAll(contract);
        var before = mapped(free, permutation);
        return before.equals(before.stream().sorted().toList());
    }

    private static List<Integer> mapped(List<Integer> axes, List<Integer> permutation) {
        return axes.stream().map(permutation::get).toList();
    }

    /** (a · b) with its free axes exchanged is b · a. */
    private static Optional<Value> transposedProduct(List<Integer> permutation, Value x, Rewriter r) {
        if (!(r.op(x) instanceof Op.DotGeneral(var lb, var rb, var lc, var rc))) {
            return Optional.empty();
        }
        var batch = lb.size();
        var lhsFree = r.shape(r.operand(x, 0)).rank() - batch - lc.size();
        var exchanged = range(batch);
        exchanged.addAll(
                IntStream.range(batch + lhsFree, permutation.size()).boxed().toList());
        exchanged.addAll(IntStream.range(batch, batch + lhsFree).boxed().toList());
        return exchanged.equals(permutation)
                ? Optional.of(r.add(new Op.DotGeneral(rb, lb, rc, lc), r.operand(x, 1), r.operand(x, 0)))
                : Optional.empty();
    }

    private static List<Integer> range(int count) {
        return new ArrayList<>(IntStream.range(0, count).boxed().toList());
    }
}
