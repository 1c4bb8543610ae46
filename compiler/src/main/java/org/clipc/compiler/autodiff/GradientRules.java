package org.clipc.compiler.autodiff;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;

/** The gradient rule of every op. In formulas x are the op's operands, y its result and dy the loss's derivative by y. */
final class GradientRules {

    private static final double TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
    private static final String SECOND_ORDER = "second derivatives of named ops are not supported";

    private GradientRules() {}

    static void apply(Backward g) {
        var b = g.b;
        switch (g.op()) {
            case Op.Input _, Op.Constant _, Op.Iota _, Op.Uniform _, Op.RandomSubset _ -> {}
            case Op.Compare _, Op.ArgMax _, Op.StopGradient _ -> {}
            case Op.Unary(var fn) -> unary(fn, g);
            case Op.Binary(var fn) -> binary(fn, g);
            case Op.Select _ -> {
                g.to(1, () -> b.select(g.x(0), g.dy(), b.constantLike(g.dy(), 0)));
                g.to(2, () -> b.select(g.x(0), b.constantLike(g.dy(), 0), g.dy()));
            }
            case Op.Convert(var dtype) -> {
                if (dtype.isFloat()) {
                    g.to(0, () -> b.convert(g.dy(), g.type(0).dtype()));
                }
            }
            case Op.Reshape _ -> g.to(0, () -> b.reshape(g.dy(), g.shape(0)));
            case Op.Transpose(var permutation) -> g.to(0, () -> b.transpose(g.dy(), inverse(permutation)));
            case Op.Broadcast broadcast -> g.to(0, () -> unbroadcast(broadcast, g));
            case Op.Slice(var starts, var limits) ->
                g.to(0, () -> {
                    var high = map(limits.size(), i -> g.shape(0).dim(i) - limits.get(i));
                    return b.add(new Op.Pad(starts, high, 0), g.dy());
                });
            case Op.Pad(var low, var _, var _) ->
                g.to(0, () -> {
                    var limits = map(low.size(), i -> low.get(i) + g.shape(0).dim(i));
                    return b.slice(g.dy(), low, limits);
                });
            case Op.Concat(var axis) -> concat(axis, g);
            case Op.Reduce(var fn, var axes) -> g.to(0, () -> reduce(fn, axes, g));
            case Op.DotGeneral dot -> DotGradients.apply(dot, g);
            case Op.Gather(var batchDims) -> {
                var size = g.shape(0).dim(batchDims);
                g.to(0, () -> b.add(new Op.ScatterAdd(batchDims, size), g.dy(), g.x(1)));
            }
            case Op.ScatterAdd(var batchDims, var _) -> g.to(0, () -> b.add(new Op.Gather(batchDims), g.dy(), g.x(1)));
            case Op.LayerNorm _ -> toAll(g, 3, new Op.LayerNormGrad(), g.dy(), g.x(0), g.x(1), g.y(1), g.y(2));
            case Op.Softmax _ -> g.to(0, () -> b.add(new Op.SoftmaxGrad(), g.dy(), g.y()));
            case Op.SoftmaxXent _ -> g.to(0, () -> b.add(new Op.SoftmaxXentGrad(), g.dy(), g.x(0), g.x(1), g.y(1)));
            case Op.Attention attention -> attention(attention, g);
            case Op.LayerNormGrad _, Op.SoftmaxGrad _, Op.SoftmaxXentGrad _, Op.AttentionGrad _ ->
                throw g.unsupported(SECOND_ORDER);
            case Op.AllReduce reduce -> g.each((i, dy) -> allReduce(reduce, i, dy, g));
            case Op.AllGather(var axis, var size, var dim, var parts) ->
                g.each((_, dy) -> b.add(new Op.ReduceScatter(axis, size, dim, parts), dy));
            case Op.ReduceScatter(var axis, var size, var dim, var parts) ->
                g.each((_, dy) -> b.add(new Op.AllGather(axis, size, dim, parts), dy));
            case Op.Permute(var axis, var size, var shift) ->
                g.to(0, () -> b.add(new Op.Permute(axis, size, -shift), g.dy()));
            case Op.RankSlice slice -> g.to(0, () -> unslice(slice, g));
            case Op.Replicate _ -> g.to(0, g::dy);
            case Op.AdamW _ -> throw g.unsupported("optimizer updates come after differentiation");
            case Op.Fused _ -> throw g.unsupported("fusion comes after differentiation");
        }
    }

    /** What ranks minimise together is the sum of their losses, so each has a share in the others' gradients. */
    private static Value allReduce(Op.AllReduce op, int i, Value dy, Backward g) {
        var b = g.b;
        var sum = new Op.AllReduce(op.axis(), ReduceFn.SUM, op.size());
        var total = b.add(sum, dy);
        if (op.fn() == ReduceFn.SUM) {
            return total;
        }
        var best = b.compare(Comparison.EQ, g.x(i), g.y(i));
        var zero = b.constantLike(g.x(i), 0);
        var count = b.add(sum, b.select(best, b.constantLike(g.x(i), 1), zero));
        return b.select(best, b.div(total, count), zero);
    }

    /** Zeros, and dy where the rank's shard was. */
    private static Value unslice(Op.RankSlice slice, Backward g) {
        var b = g.b;
        var whole = g.shape(0);
        var sections = (int) whole.elements(0, slice.dim()) * slice.parts();
        var inner = (int) (whole.elements() / sections / slice.size());
        var rows = b.reshape(g.dy(), Shape.of(sections, 1, inner));
        var places = b.broadcast(g.x(1), Shape.of(sections, 1), List.of());
        return b.reshape(b.add(new Op.ScatterAdd(1, slice.size()), rows, places), whole);
    }

    private static void unary(UnaryFn fn, Backward g) {
        var b = g.b;
        var x = g.x(0);
        var y = g.y();
        switch (fn) {
            case NEG -> g.to(0, () -> b.neg(g.dy()));
            case ABS -> g.to(0, () -> b.mul(g.dy(), b.unary(UnaryFn.SIGN, x)));
            case EXP -> g.to(0, () -> b.mul(g.dy(), y));
            case LOG -> g.to(0, () -> b.div(g.dy(), x));
            case SQRT -> g.to(0, () -> b.div(b.mul(g.dy(), 0.5), y));
            case RSQRT -> g.to(0, () -> b.mul(b.mul(g.dy(), -0.5), b.mul(y, b.mul(y, y))));
            case RECIPROCAL -> g.to(0, () -> b.neg(b.mul(g.dy(), b.mul(y, y))));
            case TANH -> g.to(0, () -> b.mul(g.dy(), b.sub(b.constantLike(y, 1), b.mul(y, y))));
            case ERF -> g.to(0, () -> b.mul(g.dy(), b.mul(b.unary(UnaryFn.EXP, b.neg(b.mul(x, x))), TWO_OVER_SQRT_PI)));
            case SIGMOID -> g.to(0, () -> b.mul(g.dy(), b.mul(y, b.sub(b.constantLike(y, 1), y))));
            case SOFTPLUS -> g.to(0, () -> b.mul(g.dy(), b.unary(UnaryFn.SIGMOID, x)));
            case SIN -> g.to(0, () -> b.mul(g.dy(), b.unary(UnaryFn.COS, x)));
            case COS -> g.to(0, () -> b.neg(b.mul(g.dy(), b.unary(UnaryFn.SIN, x))));
            case SIGN, FLOOR, NOT -> {}
        }
    }

    private static void binary(BinaryFn fn, Backward g) {
        var b = g.b;
        var x0 = g.x(0);
        var x1 = g.x(1);
        switch (fn) {
            case ADD -> {
                g.to(0, g::dy);
                g.to(1, g::dy);
            }
            case SUB -> {
                g.to(0, g::dy);
                g.to(1, () -> b.neg(g.dy()));
            }
            case MUL -> {
                g.to(0, () -> b.mul(g.dy(), x1));
                g.to(1, () -> b.mul(g.dy(), x0));
            }
            case DIV -> {
                g.to(0, () -> b.div(g.dy(), x1));
                g.to(1, () -> b.neg(b.mul(b.div(g.dy(), x1), g.y())));
            }
            case MAX -> {
                g.to(0, () -> chosen(Comparison.GT, x0, x1, g));
                g.to(1, () -> chosen(Comparison.GT, x1, x0, g));
            }
            case MIN -> {
                g.to(0, () -> chosen(Comparison.LT, x0, x1, g));
                g.to(1, () -> chosen(Comparison.LT, x1, x0, g));
            }
            case POW -> {
                g.to(0, () -> powBase(g));
                g.to(1, () -> powExponent(g));
            }
            case AND, OR -> {}
        }
    }

    /** dy where operand a wins, half of it in a tie. */
    private static Value chosen(Comparison wins, Value a, Value other, Backward g) {
        var b = g.b;
        var tied = b.select(b.compare(Comparison.EQ, a, other), b.mul(g.dy(), 0.5), b.constantLike(g.dy(), 0));
        return b.select(b.compare(wins, a, other), g.dy(), tied);
    }

    /** dy · e · x^(e - 1), and 0 for the exponent 0, whatever x. */
    private static Value powBase(Backward g) {
        var b = g.b;
        var e = g.x(1);
        var zero = b.constantLike(e, 0);
        var slope = b.mul(e, b.binary(BinaryFn.POW, g.x(0), b.sub(e, b.constantLike(e, 1))));
        return b.select(b.compare(Comparison.EQ, e, zero), zero, b.mul(g.dy(), slope));
    }

    /** dy · y · ln x, and 0 for the base 0. */
    private static Value powExponent(Backward g) {
        var b = g.b;
        var zero = b.constantLike(g.x(0), 0);
        var slope = b.mul(g.y(), b.unary(UnaryFn.LOG, g.x(0)));
        return b.select(b.compare(Comparison.EQ, g.x(0), zero), zero, b.mul(g.dy(), slope));
    }

    private static Value unbroadcast(Op.Broadcast broadcast, Backward g) {
        var operand = g.shape(0);
        var repeated = IntStream.range(0, broadcast.shape().rank())
                .filter(axis -> {
                    var from = broadcast.axes().indexOf(axis);
                    return from < 0 || operand.dim(from) != broadcast.shape().dim(axis);
                })
                .boxed()
                .toList();
        return g.b.reshape(g.b.sum(g.dy(), repeated), operand);
    }

    private static void concat(int axis, Backward g) {
        var at = 0;
        for (var i = 0; i < g.operands(); i++) {
            var start = at;
            var part = g.shape(i);
            g.to(i, () -> {
                var starts = map(part.rank(), a -> a == axis ? start : 0);
                var limits = map(part.rank(), a -> starts.get(a) + part.dim(a));
                return g.b.slice(g.dy(), starts, limits);
            });
            at += part.dim(axis);
        }
    }

    private static Value reduce(ReduceFn fn, List<Integer> axes, Backward g) {
        var b = g.b;
        if (fn == ReduceFn.SUM) {
            return spread(b, g.dy(), g.shape(0), axes);
        }
        var best = b.compare(Comparison.EQ, g.x(0), spread(b, g.y(), g.shape(0), axes));
        var zero = b.constantLike(g.x(0), 0);
        var count = b.sum(b.select(best, b.constantLike(g.x(0), 1), zero), axes);
        return b.select(best, spread(b, b.div(g.dy(), count), g.shape(0), axes), zero);
    }

    /** Repeats a reduction's result along the reduced axes. */
    private static Value spread(GraphBuilder b, Value reduced, Shape shape, List<Integer> axes) {
        var kept = IntStream.range(0, shape.rank())
                .filter(axis -> !axes.contains(axis))
                .boxed()
                .toList();
        return b.broadcast(reduced, shape, kept);
    }

    private static void attention(Op.Attention op, Backward g) {
        var grad = new Op.AttentionGrad(op.heads(), op.causal(), op.scale(), op.dropout(), op.stream());
        var operands = new ArrayList<>(List.of(g.dy(), g.x(0), g.x(1), g.x(2), g.y(), g.y(1)));
        if (op.dropout() > 0) {
            operands.add(g.x(3));
        }
        toAll(g, 3, grad, operands.toArray(Value[]::new));
    }

    /** Passes the results of one op on to the first {@code count} operands. */
    private static void toAll(Backward g, int count, Op op, Value... operands) {
        var gradients = g.b.addAll(op, List.of(operands));
        for (var i = 0; i < count; i++) {
            var gradient = gradients.get(i);
            g.to(i, () -> gradient);
        }
    }

    static List<Integer> inverse(List<Integer> permutation) {
        return map(permutation.size(), permutation::indexOf);
    }

    private static List<Integer> map(int count, IntFunction<Integer> element) {
        return IntStream.range(0, count).mapToObj(element).toList();
    }
}
