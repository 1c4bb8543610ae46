package org.clipc.ir.testing;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;

/** For each op a way to make random attributes and operands that it takes. */
final class OpSamples {

    /** An op with operands that its graph already has. */
    record Application(Op op, List<Value> operands) {

        static Application of(Op op, Value... operands) {
            return new Application(op, List.of(operands));
        }
    }

    @FunctionalInterface
    private interface Sampler {
        Application sample(OperandSource s);
    }

    private static final int MOST_AXES = 4;
    private static final List<MeshAxis> AXES = List.of(MeshAxis.values());
    private static final List<Double> DROPOUTS = List.of(0.0, 0.4);
    private static final Map<Class<? extends Op>, Sampler> SAMPLERS = samplers();

    private OpSamples() {}

    /** The ops that {@link #sample} knows: all but inputs. */
    static Set<Class<? extends Op>> ops() {
        return SAMPLERS.keySet();
    }

    static Application sample(Class<? extends Op> op, OperandSource source) {
        var sampler = SAMPLERS.get(op);
        if (sampler == null) {
            throw new IllegalArgumentException("no samples of " + op);
        }
        return sampler.sample(source);
    }

    private static Map<Class<? extends Op>, Sampler> samplers() {
        var m = new LinkedHashMap<Class<? extends Op>, Sampler>();
        m.put(
                Op.Constant.class,
                s -> Application.of(new Op.Constant(
                        new TensorType(s.floatType(), s.shape(0, MOST_AXES)),
                        s.pick(List.of(0.0, 1.0, -1.0, 0.5, 2.0)))));
        m.put(Op.Iota.class, s -> {
            var shape = s.shape(1, MOST_AXES);
            return Application.of(new Op.Iota(shape, s.random.nextInt(shape.rank())));
        });
        m.put(Op.Unary.class, OpSamples::unary);
        m.put(Op.Binary.class, OpSamples::binary);
        m.put(Op.Compare.class, s -> {
            var a = s.floats(s.shape(0, MOST_AXES));
            return Application.of(
                    new Op.Compare(s.pick(List.of(Comparison.values()))), a, s.floats(s.b.type(a), Domain.ANY));
        });
        m.put(Op.Select.class, s -> {
            var a = s.floats(s.shape(0, MOST_AXES));
            return Application.of(new Op.Select(), s.bools(s.b.shape(a)), a, s.floats(s.b.type(a), Domain.ANY));
        });
        m.put(Op.Convert.class, s -> {
            var dtype = s.random.nextInt(4) > 0 ? s.floatType() : DType.I32;
            return Application.of(new Op.Convert(dtype), s.floats(s.shape(0, MOST_AXES)));
        });
        m.put(
                Op.Uniform.class,
                s -> Application.of(new Op.Uniform(s.shape(1, MOST_AXES), s.random.nextInt(3)), s.seedOfPart()));
        m.put(Op.RandomSubset.class, s -> {
            var from = s.extent();
            return Application.of(
                    new Op.RandomSubset(s.extent(), s.upTo(from), from, s.random.nextInt(3)), s.seedOfPart());
        });
        moves(m);
        contractions(m);
        rows(m);
        m.put(Op.Attention.class, OpSamples::attention);
        m.put(Op.AttentionGrad.class, OpSamples::attentionGrad);
        m.put(Op.AdamW.class, OpSamples::adamW);
        m.put(Op.StopGradient.class, s -> Application.of(new Op.StopGradient(), s.floats(s.shape(0, MOST_AXES))));
        m.put(Op.Fused.class, OpSamples::fused);
        collectives(m);
        return Collections.unmodifiableMap(m);
    }

    /** Of one rank, which the interpreter of single graphs can run. */
    private static void collectives(Map<Class<? extends Op>, Sampler> m) {
        m.put(
                Op.AllReduce.class,
                s -> new Application(
                        new Op.AllReduce(s.pick(AXES), s.pick(List.of(ReduceFn.values())), 1), someFloats(s, 0)));
        m.put(Op.AllGather.class, s -> {
            var operands = someFloats(s, 1);
            return new Application(new Op.AllGather(s.pick(AXES), 1, 0, 1), operands);
        });
        m.put(Op.ReduceScatter.class, s -> {
            var operands = someFloats(s, 1);
            return new Application(new Op.ReduceScatter(s.pick(AXES), 1, 0, 1), operands);
        });
        m.put(
                Op.Permute.class,
                s -> Application.of(
                        new Op.Permute(s.pick(AXES), 1, s.random.nextInt(3) - 1), s.floats(s.shape(0, MOST_AXES))));
        m.put(Op.RankSlice.class, s -> {
            var size = s.upTo(3);
            var parts = s.upTo(2);
            var shape = s.shape(1, 3);
            var dim = s.random.nextInt(shape.rank());
            var x = s.floats(shape.with(dim, size * parts * s.upTo(2)));
            return Application.of(new Op.RankSlice(size, dim, parts), x, s.ints(Shape.SCALAR, 0, size));
        });
        m.put(Op.Replicate.class, s -> Application.of(new Op.Replicate(s.pick(AXES)), s.floats(s.shape(0, MOST_AXES))));
    }

    private static List<Value> someFloats(OperandSource s, int leastRank) {
        var type = s.floatType();
        return IntStream.range(0, s.upTo(3))
                .mapToObj(_ -> s.floats(new TensorType(type, s.shape(leastRank, MOST_AXES)), Domain.ANY))
                .toList();
    }

    private static Application unary(OperandSource s) {
        var fn = s.pick(List.of(UnaryFn.values()));
        var shape = s.shape(0, MOST_AXES);
        if (fn == UnaryFn.NOT) {
            return Application.of(new Op.Unary(fn), s.bools(shape));
        }
        var domain = switch (fn) {
            case LOG, SQRT, RSQRT -> Domain.POSITIVE;
            case RECIPROCAL -> Domain.NONZERO;
            default -> Domain.ANY;
        };
        return Application.of(new Op.Unary(fn), s.floats(new TensorType(s.floatType(), shape), domain));
    }

    private static Application binary(OperandSource s) {
        var fn = s.pick(List.of(BinaryFn.values()));
        var shape = s.shape(0, MOST_AXES);
        if (fn == BinaryFn.AND || fn == BinaryFn.OR) {
            return Application.of(new Op.Binary(fn), s.bools(shape), s.bools(shape));
        }
        if (s.random.nextInt(6) == 0) {
            return Application.of(new Op.Binary(fn), s.ints(shape, -5, 9), s.ints(shape, 1, 4));
        }
        var type = new TensorType(s.floatType(), shape);
        var a = s.floats(type, fn == BinaryFn.POW ? Domain.POSITIVE : Domain.ANY);
        return Application.of(new Op.Binary(fn), a, s.floats(type, fn == BinaryFn.DIV ? Domain.NONZERO : Domain.ANY));
    }

    private static void moves(Map<Class<? extends Op>, Sampler> m) {
        m.put(Op.Reshape.class, s -> {
            var x = s.floats(s.shape(0, MOST_AXES));
            var dims = new ArrayList<>(s.b.shape(x).dims());
            Collections.shuffle(dims, s.random);
            dims.add(s.random.nextInt(dims.size() + 1), 1);
            if (dims.size() > 2 && s.random.nextBoolean()) {
                dims.add(dims.removeLast() * dims.removeLast());
            }
            return Application.of(new Op.Reshape(new Shape(dims)), x);
        });
        m.put(Op.Transpose.class, s -> {
            var x = s.floats(s.shape(0, MOST_AXES));
            return Application.of(new Op.Transpose(shuffledAxes(s, s.b.shape(x).rank())), x);
        });
        m.put(Op.Broadcast.class, s -> {
            var shape = s.shape(0, MOST_AXES);
            var axes = range(shape.rank()).stream()
                    .filter(_ -> s.random.nextBoolean())
                    .toList();
            var dims = axes.stream()
                    .map(a -> s.random.nextInt(3) == 0 ? 1 : shape.dim(a))
                    .toList();
            return Application.of(new Op.Broadcast(shape, axes), s.floats(new Shape(dims)));
        });
        m.put(Op.Slice.class, s -> {
            var shape = s.shape(0, MOST_AXES);
            var starts = shape.dims().stream().map(d -> s.random.nextInt(d)).toList();
            var limits = map(shape.rank(), a -> starts.get(a) + s.upTo(shape.dim(a) - starts.get(a)));
            return Application.of(new Op.Slice(starts, limits), s.floats(shape));
        });
        m.put(Op.Pad.class, s -> {
            var shape = s.shape(0, MOST_AXES);
            var low = map(shape.rank(), _ -> s.random.nextInt(3));
            var high = map(shape.rank(), _ -> s.random.nextInt(3));
            return Application.of(new Op.Pad(low, high, s.pick(List.of(0.0, -1.5))), s.floats(shape));
        });
        m.put(Op.Concat.class, s -> {
            var shape = s.shape(1, MOST_AXES);
            var axis = s.random.nextInt(shape.rank());
            var dtype = s.floatType();
            var parts = map(s.upTo(3), _ -> s.floats(new TensorType(dtype, shape.with(axis, s.extent())), Domain.ANY));
            return new Application(new Op.Concat(axis), parts);
        });
    }

    private static void contractions(Map<Class<? extends Op>, Sampler> m) {
        m.put(Op.Reduce.class, s -> {
            var shape = s.shape(0, MOST_AXES);
            var axes = range(shape.rank()).stream()
                    .filter(_ -> s.random.nextBoolean())
                    .toList();
            return Application.of(new Op.Reduce(s.pick(List.of(ReduceFn.values())), axes), s.floats(shape));
        });
        m.put(Op.ArgMax.class, s -> {
            var shape = s.shape(1, MOST_AXES);
            return Application.of(new Op.ArgMax(s.random.nextInt(shape.rank())), s.floats(shape));
        });
        m.put(Op.DotGeneral.class, OpSamples::dot);
        m.put(Op.Gather.class, s -> {
            var batch = s.shape(0, 1);
            var indices = batch.concat(s.shape(0, 2));
            var table = batch.append(s.extent()).concat(s.shape(0, 2));
            return Application.of(
                    new Op.Gather(batch.rank()), s.floats(table), s.ints(indices, 0, table.dim(batch.rank())));
        });
        m.put(Op.ScatterAdd.class, s -> {
            var batch = s.shape(0, 1);
            var indices = batch.concat(s.shape(0, 2));
            var size = s.extent();
            var updates = s.floats(indices.concat(s.shape(0, 2)));
            return Application.of(new Op.ScatterAdd(batch.rank(), size), updates, s.ints(indices, 0, size));
        });
    }

    private static Application dot(OperandSource s) {
        var batch = s.shape(0, 2).dims();
        var contract = s.shape(0, 2).dims();
        var lhsFree = s.shape(0, 2).dims();
        var rhsFree = s.shape(0, 2).dims();
        var lhs = shuffledAxes(s, batch.size() + contract.size() + lhsFree.size());
        var rhs = shuffledAxes(s, batch.size() + contract.size() + rhsFree.size());
        var split = batch.size() + contract.size();
        var op = new Op.DotGeneral(
                lhs.subList(0, batch.size()),
                rhs.subList(0, batch.size()),
                lhs.subList(batch.size(), split),
                rhs.subList(batch.size(), split));
        var dtype = s.floatType();
        var a = s.floats(new TensorType(dtype, placed(lhs, List.of(batch, contract, lhsFree))), Domain.ANY);
        var b = s.floats(new TensorType(dtype, placed(rhs, List.of(batch, contract, rhsFree))), Domain.ANY);
        return Application.of(op, a, b);
    }

    /** The shape whose axis {@code axes[i]} has the i-th of all the extents. */
    private static Shape placed(List<Integer> axes, List<List<Integer>> extents) {
        var all = extents.stream().flatMap(List::stream).toList();
        return new Shape(map(axes.size(), axis -> all.get(axes.indexOf(axis))));
    }

    private static void rows(Map<Class<? extends Op>, Sampler> m) {
        m.put(Op.LayerNorm.class, s -> {
            var shape = s.shape(1, MOST_AXES);
            var vector = Shape.of(shape.dim(-1));
            return Application.of(
                    new Op.LayerNorm(s.pick(List.of(1e-5, 1e-2))), s.floats(shape), s.floats(vector), s.floats(vector));
        });
        m.put(Op.LayerNormGrad.class, s -> {
            var type = new TensorType(s.floatType(), s.shape(1, MOST_AXES));
            var rows = rowsOf(type);
            return Application.of(
                    new Op.LayerNormGrad(),
                    s.floats(type, Domain.ANY),
                    s.floats(type, Domain.ANY),
                    s.floats(Shape.of(type.dim(-1))),
                    s.floats(rows, Domain.ANY),
                    s.floats(rows, Domain.POSITIVE));
        });
        m.put(Op.Softmax.class, s -> Application.of(new Op.Softmax(), s.floats(s.shape(1, MOST_AXES))));
        m.put(Op.SoftmaxGrad.class, s -> {
            var type = new TensorType(s.floatType(), s.shape(1, MOST_AXES));
            return Application.of(new Op.SoftmaxGrad(), s.floats(type, Domain.ANY), s.floats(type, Domain.ANY));
        });
        m.put(Op.SoftmaxXent.class, s -> {
            var logits = s.shape(2, 2);
            return Application.of(
                    new Op.SoftmaxXent(), s.floats(logits), s.ints(Shape.of(logits.dim(0)), 0, logits.dim(1)));
        });
        m.put(Op.SoftmaxXentGrad.class, s -> {
            var type = new TensorType(s.floatType(), s.shape(2, 2));
            var rows = rowsOf(type);
            return Application.of(
                    new Op.SoftmaxXentGrad(),
                    s.floats(rows, Domain.ANY),
                    s.floats(type, Domain.ANY),
                    s.ints(rows.shape(), 0, type.dim(1)),
                    s.floats(rows, Domain.POSITIVE));
        });
    }

    private static TensorType rowsOf(TensorType type) {
        return new TensorType(DType.F32, type.shape().slice(0, type.rank() - 1));
    }

    private static Application attention(OperandSource s) {
        var heads = s.upTo(2);
        var width = heads * s.upTo(3);
        var dropout = s.pick(DROPOUTS);
        var op = new Op.Attention(heads, s.random.nextBoolean(), 0.7, dropout, s.random.nextInt(3));
        var dtype = s.floatType();
        var batch = s.upTo(2);
        var q = new TensorType(dtype, Shape.of(batch, s.extent(), width));
        var k = q.withShape(q.shape().with(1, s.extent()));
        var operands = new ArrayList<Value>();
        operands.add(s.floats(q, Domain.ANY));
        operands.add(s.floats(k, Domain.ANY));
        operands.add(s.floats(k, Domain.ANY));
        if (dropout > 0) {
            operands.add(s.seed());
        }
        return new Application(op, operands);
    }

    private static Application attentionGrad(OperandSource s) {
        var forward = attention(s);
        var op = (Op.Attention) forward.op();
        var q = s.b.type(forward.operands().getFirst());
        var operands = new ArrayList<Value>();
        operands.add(s.floats(q, Domain.ANY));
        operands.addAll(forward.operands().subList(0, 3));
        operands.add(s.floats(q, Domain.ANY));
        operands.add(s.floats(TensorType.f32(q.dim(0), op.heads(), q.dim(1)), Domain.POSITIVE));
        operands.addAll(forward.operands().subList(3, forward.operands().size()));
        return new Application(
                new Op.AttentionGrad(op.heads(), op.causal(), op.scale(), op.dropout(), op.stream()), operands);
    }

    private static Application adamW(OperandSource s) {
        var shape = s.shape(0, MOST_AXES);
        var moments = new TensorType(DType.F32, shape);
        var scalar = TensorType.scalar(DType.F32);
        return Application.of(
                new Op.AdamW(0.9, 0.98, 1e-6, s.pick(List.of(0.0, 0.2))),
                s.floats(shape),
                s.floats(shape),
                s.floats(moments, Domain.ANY),
                s.floats(moments, Domain.POSITIVE),
                s.floats(scalar, Domain.ANY),
                s.floats(scalar, Domain.POSITIVE),
                s.floats(scalar, Domain.ANY));
    }

    private static Application fused(OperandSource s) {
        var x = s.floats(s.shape(0, MOST_AXES));
        var type = s.b.type(x);
        var y = s.floats(type, Domain.ANY);
        return Application.of(new Op.Fused(FusionKind.ELEMENTWISE, fusedBody(s, type)), x, y);
    }

    private static Graph fusedBody(OperandSource s, TensorType type) {
        var b = new GraphBuilder(s.pick(List.of("body", "odd \"name\"\n")));
        var known = new ArrayList<Value>();
        known.add(b.input("0", InputKind.OPERAND, type));
        known.add(b.input("1", InputKind.OPERAND, type));
        for (var i = 0; i < s.upTo(4); i++) {
            var fn = s.pick(List.of(BinaryFn.ADD, BinaryFn.SUB, BinaryFn.MAX));
            known.add(b.binary(fn, s.pick(known), s.pick(known)));
            known.add(b.unary(s.pick(List.of(UnaryFn.TANH, UnaryFn.NEG)), s.pick(known)));
        }
        for (var i = 0; i < s.upTo(2); i++) {
            b.output(String.valueOf(i), s.pick(known));
        }
        return b.build();
    }

    private static List<Integer> shuffledAxes(OperandSource s, int count) {
        var axes = new ArrayList<>(range(count));
        Collections.shuffle(axes, s.random);
        return axes;
    }

    private static List<Integer> range(int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    private static <T> List<T> map(int count, IntFunction<T> element) {
        return IntStream.range(0, count).mapToObj(element).toList();
    }
}
