package org.clipc.ir;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** The shape rule of every op: result types from operand types. */
public final class ShapeRules {

    private static final TensorType SEED = TensorType.i32(2);
    private static final TensorType ROWS_SEED = TensorType.i32(3);
    private static final TensorType SHARDED_SEED = TensorType.i32(4);
    private static final TensorType F32_SCALAR = TensorType.scalar(DType.F32);

    /** Between a word of a name in camel case and the next. */
    private static final Pattern WORD_ENDS = Pattern.compile("(?<=[a-z0-9])(?=[A-Z])");

    private ShapeRules() {}

    /** @throws ShapeException if {@code op} cannot take operands of these types */
    public static List<TensorType> infer(Op op, List<TensorType> in) {
        try {
            return results(op, new Operands(op, in));
        } catch (ShapeException e) {
            throw e;
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new ShapeException(describe(op) + " cannot take " + in + ": " + e.getMessage());
        }
    }

    /** The op's name as the text form spells it: {@code DotGeneral} is {@code dot_general}. */
    public static String describe(Op op) {
        return spell(op.getClass());
    }

    /** {@link #describe} for an op's class. */
    public static String spell(Class<?> op) {
        return WORD_ENDS.matcher(op.getSimpleName()).replaceAll("_").toLowerCase(Locale.ROOT);
    }

    private static List<TensorType> results(Op op, Operands in) {
        return switch (op) {
            case Op.Input(var _, var _, var type) -> in.count(0).is(type);
            case Op.Constant(var type, var _) -> in.count(0).is(type);
            case Op.Iota(var shape, var axis) -> {
                in.count(0).axis(axis, shape);
                yield List.of(new TensorType(DType.I32, shape));
            }
            case Op.Unary(var fn) -> unary(fn, in.count(1));
            case Op.Binary(var fn) -> binary(fn, in.count(2));
            case Op.Compare _ -> in.count(2).same(0, 1).is(in.get(0).withDtype(DType.BOOL));
            case Op.Select _ -> {
                in.count(3).same(1, 2).dtype(0, DType.BOOL);
                in.check(in.get(0).shape().equals(in.get(1).shape()), "the condition has another shape");
                yield List.of(in.get(1));
            }
            case Op.Convert(var dtype) -> in.count(1).is(in.get(0).withDtype(dtype));
            case Op.Uniform(var shape, var _) -> {
                in.count(1).seed(0).check(shape.rank() > 0 || in.get(0).equals(SEED), "a number alone has no rows");
                yield List.of(new TensorType(DType.F32, shape));
            }
            case Op.RandomSubset(var batch, var choose, var from, var _) -> {
                in.count(1).seed(0).check(choose <= from, "cannot choose " + choose + " of " + from);
                yield List.of(TensorType.i32(batch, choose));
            }
            case Op.Reshape(var shape) -> {
                in.count(1).check(in.get(0).elements() == shape.elements(), "element counts differ from " + shape);
                yield List.of(in.get(0).withShape(shape));
            }
            case Op.Transpose(var permutation) -> transpose(permutation, in.count(1));
            case Op.Broadcast(var shape, var axes) -> broadcast(shape, axes, in.count(1));
            case Op.Slice(var starts, var limits) -> slice(starts, limits, in.count(1));
            case Op.Pad(var low, var high, var _) -> pad(low, high, in.count(1));
            case Op.Concat(var axis) -> concat(axis, in);
            case Op.Reduce(var _, var axes) -> reduce(axes, in.count(1));
            case Op.ArgMax(var axis) -> {
                var shape = in.count(1).get(0).shape();
                in.axis(axis, shape);
                yield List.of(new TensorType(DType.I32, shape.without(List.of(axis))));
            }
            case Op.DotGeneral dot -> dot(dot, in.count(2));
            case Op.Gather(var batchDims) -> gather(batchDims, in.count(2).dtype(1, DType.I32));
            case Op.ScatterAdd(var batchDims, var size) ->
                scatterAdd(batchDims, size, in.count(2).dtype(1, DType.I32));
            case Op.LayerNorm _ -> {
                var x = in.count(3).floating(0).get(0);
                in.vector(1, x.dim(-1)).vector(2, x.dim(-1));
                yield List.of(x, rows(x), rows(x));
            }
            case Op.LayerNormGrad _ -> {
                var x = in.count(5).floating(0).same(0, 1).get(1);
                in.vector(2, x.dim(-1)).exactly(3, rows(x)).exactly(4, rows(x));
                yield List.of(x, in.get(2), in.get(2));
            }
            case Op.Softmax _ -> in.count(1).floating(0).ranked(0, 1).is(in.get(0));
            case Op.SoftmaxGrad _ ->
                in.count(2).floating(0).same(0, 1).ranked(0, 1).is(in.get(0));
            case Op.SoftmaxXent _ -> {
                var logits = in.count(2).floating(0).rank(0, 2).get(0);
                in.exactly(1, TensorType.i32(logits.dim(0)));
                yield List.of(rows(logits), rows(logits));
            }
            case Op.SoftmaxXentGrad _ -> {
                var logits = in.count(4).floating(1).rank(1, 2).get(1);
                in.exactly(0, rows(logits)).exactly(2, TensorType.i32(logits.dim(0)));
                in.exactly(3, rows(logits));
                yield List.of(logits);
            }
            case Op.Attention(var heads, var _, var _, var dropout, var _) -> {
                attentionOperands(heads, dropout, in.count(dropout > 0 ? 4 : 3), 0);
                yield List.of(in.get(0), logSumExp(in.get(0), heads));
            }
            case Op.AttentionGrad(var heads, var _, var _, var dropout, var _) -> {
                attentionOperands(heads, dropout, in.count(dropout > 0 ? 7 : 6), 1);
                in.same(0, 1).same(1, 4).exactly(5, logSumExp(in.get(1), heads));
                yield List.of(in.get(1), in.get(2), in.get(3));
            }
            case Op.AdamW _ -> {
                in.count(7).floating(0).floating(1).dtype(2, DType.F32);
                in.exactly(4, F32_SCALAR).exactly(5, F32_SCALAR).exactly(6, F32_SCALAR);
                var shape = in.get(0).shape();
                in.check(in.get(1).shape().equals(shape), "the gradient has another shape");
                in.same(2, 3).check(in.get(2).shape().equals(shape), "the moments have another shape");
                yield List.of(in.get(0), in.get(2), in.get(3));
            }
            case Op.StopGradient _ -> in.count(1).is(in.get(0));
            case Op.Fused(var _, var body) -> fused(body, in);
            case Op.AllReduce(var _, var _, var size) -> {
                many(size, in);
                yield in.types();
            }
            case Op.AllGather(var _, var size, var dim, var parts) -> {
                many(size, in);
                yield in.types().stream()
                        .map(x -> resized(x, dim, parts, (long) size * parts, in))
                        .toList();
            }
            case Op.ReduceScatter(var _, var size, var dim, var parts) -> {
                many(size, in);
                yield in.types().stream()
                        .map(x -> resized(x, dim, (long) size * parts, parts, in))
                        .toList();
            }
            case Op.Permute(var _, var size, var _) -> {
                in.count(1).check(size > 0, "needs a positive size");
                yield in.types();
            }
            case Op.RankSlice(var size, var dim, var parts) -> {
                in.count(2).exactly(1, TensorType.scalar(DType.I32)).check(size > 0, "needs a positive size");
                yield List.of(resized(in.get(0), dim, (long) size * parts, parts, in));
            }
            case Op.Replicate _ -> in.count(1).is(in.get(0));
        };
    }

    private static List<TensorType> unary(UnaryFn fn, Operands in) {
        switch (fn) {
            case NOT -> in.dtype(0, DType.BOOL);
            case NEG, ABS, SIGN -> in.check(in.get(0).dtype() != DType.BOOL, "needs numbers");
            default -> in.floating(0);
        }
        return List.of(in.get(0));
    }

    private static List<TensorType> binary(BinaryFn fn, Operands in) {
        in.same(0, 1);
        if (fn == BinaryFn.AND || fn == BinaryFn.OR) {
            in.dtype(0, DType.BOOL);
        } else {
            in.check(in.get(0).dtype() != DType.BOOL, "needs numbers");
        }
        return List.of(in.get(0));
    }

    private static List<TensorType> transpose(List<Integer> permutation, Operands in) {
        var x = in.get(0);
        var sorted = permutation.stream().sorted().toList();
        in.check(sorted.equals(axes(0, x.rank())), permutation + " is no permutation of its axes");
        return List.of(x.withShape(
                new Shape(permutation.stream().map(x.shape().dims()::get).toList())));
    }

    private static List<TensorType> broadcast(Shape shape, List<Integer> axes, Operands in) {
        var x = in.get(0);
        in.check(axes.size() == x.rank(), axes + " does not name each operand axis once");
        for (var i = 0; i < axes.size(); i++) {
            in.check(i == 0 || axes.get(i) > axes.get(i - 1), "axes " + axes + " do not ascend");
            var from = x.dim(i);
            var to = shape.dims().get(axes.get(i));
            in.check(from == 1 || from == to, "axis " + i + " cannot become axis " + axes.get(i) + " of " + shape);
        }
        return List.of(x.withShape(shape));
    }

    private static List<TensorType> slice(List<Integer> starts, List<Integer> limits, Operands in) {
        var x = in.get(0);
        in.check(starts.size() == x.rank() && limits.size() == x.rank(), "needs one start and limit per axis");
        var dims = new ArrayList<Integer>();
        for (var i = 0; i < x.rank(); i++) {
            int start = starts.get(i);
            int limit = limits.get(i);
            in.check(
                    0 <= start && start < limit && limit <= x.dim(i),
                    start + ":" + limit + " is no range of axis " + i);
            dims.add(limit - start);
        }
        return List.of(x.withShape(new Shape(dims)));
    }

    private static List<TensorType> pad(List<Integer> low, List<Integer> high, Operands in) {
        var x = in.get(0);
        in.check(low.size() == x.rank() && high.size() == x.rank(), "needs one low and high count per axis");
        var dims = new ArrayList<Integer>();
        for (var i = 0; i < x.rank(); i++) {
            in.check(low.get(i) >= 0 && high.get(i) >= 0, "counts must not be negative");
            dims.add(in.extent((long) low.get(i) + x.dim(i) + high.get(i)));
        }
        return List.of(x.withShape(new Shape(dims)));
    }

    private static List<TensorType> concat(int axis, Operands in) {
        in.check(in.size() > 0, "needs an operand");
        var first = in.get(0);
        in.axis(axis, first.shape());
        var total = 0L;
        for (var i = 0; i < in.size(); i++) {
            var part = in.get(i);
            in.check(
                    part.rank() == first.rank()
                            && part.withShape(part.shape().with(axis, first.dim(axis)))
                                    .equals(first),
                    "operands differ on another axis than " + axis);
            total += part.dim(axis);
        }
        return List.of(first.withShape(first.shape().with(axis, in.extent(total))));
    }

    private static List<TensorType> reduce(List<Integer> axes, Operands in) {
        var x = in.get(0);
        in.check(x.dtype() != DType.BOOL, "needs numbers");
        for (var i = 0; i < axes.size(); i++) {
            in.axis(axes.get(i), x.shape());
            in.check(i == 0 || axes.get(i) > axes.get(i - 1), "axes " + axes + " do not ascend");
        }
        return List.of(x.withShape(x.shape().without(axes)));
    }

    private static List<TensorType> dot(Op.DotGeneral dot, Operands in) {
        var lhs = in.floating(0).get(0);
        var rhs = in.get(1);
        in.check(lhs.dtype() == rhs.dtype(), "element types differ");
        paired(in, "batch", lhs, dot.lhsBatch(), rhs, dot.rhsBatch());
        paired(in, "contracted", lhs, dot.lhsContract(), rhs, dot.rhsContract());
        var dims = new ArrayList<Integer>();
        dot.lhsBatch().forEach(axis -> dims.add(lhs.dim(axis)));
        dims.addAll(lhs.shape()
                .without(used(in, lhs, dot.lhsBatch(), dot.lhsContract()))
                .dims());
        dims.addAll(rhs.shape()
                .without(used(in, rhs, dot.rhsBatch(), dot.rhsContract()))
                .dims());
        return List.of(new TensorType(DType.F32, new Shape(dims)));
    }

    private static void paired(
            Operands in, String what, TensorType lhs, List<Integer> lhsAxes, TensorType rhs, List<Integer> rhsAxes) {
        in.check(lhsAxes.size() == rhsAxes.size(), "the counts of " + what + " axes differ");
        for (var i = 0; i < lhsAxes.size(); i++) {
            in.check(
                    lhs.dim(lhsAxes.get(i)) == rhs.dim(rhsAxes.get(i)),
                    what + " axes " + lhsAxes.get(i) + " and " + rhsAxes.get(i) + " differ in extent");
        }
    }

    private static List<Integer> used(Operands in, TensorType x, List<Integer> batch, List<Integer> contract) {
        var all = new ArrayList<>(batch);
        all.addAll(contract);
        in.check(new HashSet<>(all).size() == all.size(), "an axis is named twice");
        in.check(all.stream().allMatch(a -> a >= 0 && a < x.rank()), "axes " + all + " are outside of " + x.shape());
        return all;
    }

    private static List<TensorType> gather(int batchDims, Operands in) {
        var table = in.get(0);
        var indices = in.get(1);
        in.check(
                batchDims >= 0 && batchDims < table.rank() && batchDims <= indices.rank(),
                batchDims + " batch axes are too many");
        in.check(table.shape().slice(0, batchDims).equals(indices.shape().slice(0, batchDims)), "batch extents differ");
        return List.of(table.withShape(indices.shape().concat(table.shape().slice(batchDims + 1, table.rank()))));
    }

    private static List<TensorType> scatterAdd(int batchDims, int size, Operands in) {
        var updates = in.get(0);
        var indices = in.get(1);
        in.check(
                batchDims >= 0 && batchDims <= indices.rank() && indices.rank() <= updates.rank(),
                "ranks do not fit " + batchDims + " batch axes");
        in.check(
                updates.shape().slice(0, indices.rank()).equals(indices.shape()),
                "the updates' leading extents are not the indices'");
        return List.of(updates.withShape(updates.shape()
                .slice(0, batchDims)
                .append(size)
                .concat(updates.shape().slice(indices.rank(), updates.rank()))));
    }

    private static void attentionOperands(int heads, double dropout, Operands in, int first) {
        var q = in.floating(first).rank(first, 3).get(first);
        var k = in.same(first + 1, first + 2).rank(first + 1, 3).get(first + 1);
        in.check(q.dtype() == k.dtype(), "element types differ");
        in.check(q.dim(0) == k.dim(0) && q.dim(2) == k.dim(2), "q and k differ in batch or width");
        in.check(heads > 0 && q.dim(2) % heads == 0, heads + " heads do not divide width " + q.dim(2));
        in.check(dropout >= 0 && dropout < 1, "dropout " + dropout + " is outside of [0, 1)");
        if (dropout > 0) {
            var seed = in.get(in.size() - 1);
            in.check(
                    seed.equals(SEED) || seed.equals(SHARDED_SEED),
                    "the seed must be i32[2], or i32[4] on several ranks");
        }
    }

    private static TensorType logSumExp(TensorType q, int heads) {
        return TensorType.f32(q.dim(0), heads, q.dim(1));
    }

    private static void many(int size, Operands in) {
        in.check(size > 0, "needs a positive size").check(in.size() > 0, "needs an operand");
        for (var i = 0; i < in.size(); i++) {
            in.check(in.get(i).dtype() == in.get(0).dtype(), "element types differ");
            in.check(in.get(i).dtype() != DType.BOOL, "needs numbers");
        }
    }

    /** {@code x}, of which an axis is {@code pieces} long, with {@code others} of these pieces instead. */
    private static TensorType resized(TensorType x, int dim, long pieces, long others, Operands in) {
        in.axis(dim, x.shape());
        in.check(
                pieces > 0 && x.dim(dim) % pieces == 0,
                pieces + " does not divide the extent " + x.dim(dim) + " of axis " + dim);
        return x.withShape(x.shape().with(dim, in.extent(x.dim(dim) / pieces * others)));
    }

    private static List<TensorType> fused(Graph body, Operands in) {
        var inputs = body.inputs();
        in.count(inputs.size());
        for (var i = 0; i < inputs.size(); i++) {
            in.check(inputs.get(i).name().equals(String.valueOf(i)), "body input " + i + " is not named " + i);
            in.exactly(i, inputs.get(i).type());
        }
        return body.outputs().stream().map(o -> body.type(o.value())).toList();
    }

    private static TensorType rows(TensorType x) {
        return new TensorType(DType.F32, x.shape().slice(0, x.rank() - 1));
    }

    private static List<Integer> axes(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    /** Operand types with the checks that rules are made of; each throws {@link ShapeException} with all types shown. */
    private record Operands(Op op, List<TensorType> types) {

        TensorType get(int i) {
            return types.get(i);
        }

        int size() {
            return types.size();
        }

        List<TensorType> is(TensorType result) {
            return List.of(result);
        }

        Operands check(boolean holds, String message) {
            if (!holds) {
                throw new ShapeException(describe(op) + " cannot take " + types + ": " + message);
            }
            return this;
        }

        Operands axis(int axis, Shape of) {
            return check(axis >= 0 && axis < of.rank(), "axis " + axis + " is outside of " + of);
        }

        /** An extent that may be too large for one. */
        int extent(long extent) {
            check(extent <= Integer.MAX_VALUE, "extent " + extent + " is more than " + Integer.MAX_VALUE);
            return (int) extent;
        }

        Operands count(int n) {
            return check(types.size() == n, "it takes " + n + " operands");
        }

        Operands same(int i, int j) {
            return check(get(i).equals(get(j)), "operands " + i + " and " + j + " differ");
        }

        /** The key of random numbers, perhaps with the rows that stand before. */
        Operands seed(int i) {
            return get(i).equals(ROWS_SEED) ? this : exactly(i, SEED);
        }

        Operands exactly(int i, TensorType type) {
            return check(get(i).equals(type), "operand " + i + " must be " + type);
        }

        Operands dtype(int i, DType dtype) {
            return check(get(i).dtype() == dtype, "operand " + i + " must hold " + dtype.text());
        }

        Operands floating(int i) {
            return check(get(i).dtype().isFloat(), "operand " + i + " must hold floats");
        }

        Operands rank(int i, int rank) {
            return check(get(i).rank() == rank, "operand " + i + " must have " + rank + " axes");
        }

        Operands ranked(int i, int least) {
            return check(get(i).rank() >= least, "operand " + i + " must have at least " + least + " axes");
        }

        /** A vector of floats. */
        Operands vector(int i, int extent) {
            return floating(i)
                    .check(
                            get(i).rank() == 1 && get(i).dim(0) == extent,
                            "operand " + i + " must have shape [" + extent + "]");
        }
    }
}
