package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Tensor64;

/**
 * Random small graphs over all ops, and inputs for them; a function of the seed alone. What they compare has no ties that
 * a rounding could turn: see {@link #mayRoundOtherwise}.
 */
public final class RandomGraphs {

    private static final int[] EXTENTS = {1, 2, 3, 4, 5, 7};
    private static final List<UnaryFn> UNARY =
            List.of(UnaryFn.NEG, UnaryFn.ABS, UnaryFn.TANH, UnaryFn.SIGMOID, UnaryFn.SIN, UnaryFn.ERF);
    private static final List<BinaryFn> BINARY =
            List.of(BinaryFn.ADD, BinaryFn.SUB, BinaryFn.MUL, BinaryFn.MAX, BinaryFn.MIN);
    private static final List<Comparison> COMPARISONS = List.of(Comparison.values());
    private static final List<ReduceFn> REDUCTIONS = List.of(ReduceFn.values());

    private final Random random;
    private final GraphBuilder builder;
    private final List<Value> values = new ArrayList<>();
    /** By node, whether the last bits of its results are those of any lowering. */
    private final List<Boolean> exact = new ArrayList<>();

    private final Value seed;
    private final boolean smooth;
    private final String name;
    private int streams;

    private RandomGraphs(long seedNumber, boolean smooth) {
        this.smooth = smooth;
        random = new Random(seedNumber);
        name = "random_" + seedNumber;
        builder = new GraphBuilder(name);
        seed = builder.input("seed", InputKind.SCALAR, TensorType.i32(2));
    }

    public static Graph graph(long seed, int nodes) {
        return new RandomGraphs(seed, false).build(nodes);
    }

    /** A graph whose results change little when operands do, so that kernels in f32 can be compared with the oracle. */
    public static Graph smooth(long seed, int nodes) {
        return new RandomGraphs(seed, true).build(nodes);
    }

    public static Map<String, Tensor64> inputs(Graph graph, long seed) {
        var random = new Random(seed);
        var inputs = new HashMap<String, Tensor64>();
        for (var input : graph.inputs()) {
            var tensor = Tensor64.zeros(input.type());
            for (var i = 0; i < tensor.size(); i++) {
                tensor.data()[i] = input.type().dtype() == DType.I32
                        ? random.nextInt(4)
                        : input.type().dtype() == DType.BOOL ? random.nextInt(2) : (float) random.nextGaussian();
            }
            inputs.put(input.name(), tensor);
        }
        return inputs;
    }

    /** Whether the last bits of the results are no part of what the op means: sums have any order, and factors regroup. */
    static boolean mayRoundOtherwise(Op op) {
        return switch (op) {
            case Op.Binary(var fn) -> fn == BinaryFn.MUL;
            case Op.Reduce(var fn, var _) -> fn == ReduceFn.SUM;
            case Op.DotGeneral _,
                    Op.ScatterAdd _,
                    Op.LayerNorm _,
                    Op.LayerNormGrad _,
                    Op.Softmax _,
                    Op.SoftmaxGrad _,
                    Op.SoftmaxXent _,
                    Op.SoftmaxXentGrad _,
                    Op.Attention _,
                    Op.AttentionGrad _ -> true;
            default -> false;
        };
    }

    private Graph build(int nodes) {
        values.add(builder.input("matrix", InputKind.DATA, new TensorType(DType.F32, shape(2))));
        for (var i = 0; i < 1 + random.nextInt(3); i++) {
            values.add(builder.input("data" + i, InputKind.DATA, new TensorType(DType.F32, shape(1 + pick(4)))));
        }
        var parameters = new ArrayList<Value>();
        for (var i = 0; i < 2; i++) {
            var type = new TensorType(DType.F32, shape(1 + pick(3)));
            parameters.add(builder.input(name + ".param" + i, InputKind.PARAMETER, type));
        }
        values.addAll(parameters);
        while (builder.size() < nodes) {
            step();
        }
        for (var i = 0; i < 3; i++) {
            builder.output("out" + i, any(_ -> true));
        }
        for (var i = 0; i < parameters.size(); i++) {
            var parameter = parameters.get(i);
            var type = builder.type(parameter);
            var updated = any(v -> builder.type(v).equals(type));
            var input = name + ".param" + i;
            builder.output(new Output("next." + input, updated, input));
        }
        return builder.build();
    }

    private void step() {
        switch (pick(20)) {
            case 0, 1 -> keep(builder.unary(UNARY.get(pick(UNARY.size())), floats()));
            case 2, 3, 4 -> binary();
            case 5 -> select();
            case 6 -> convert();
            case 7 -> random();
            case 8 -> reshape();
            case 9 -> transpose();
            case 10 -> broadcast();
            case 11 -> slice();
            case 12 -> pad();
            case 13 -> concat();
            case 14 -> reduce();
            case 15 -> dot();
            case 16 -> index();
            case 17 -> rows();
            case 18 -> attention();
            default -> keep(builder.constant(builder.type(floats()), pick(5) * 0.3 - 0.5));
        }
    }

    private void binary() {
        var a = floats();
        var b = partner(a);
        keep(builder.binary(BINARY.get(pick(BINARY.size())), a, b));
    }

    /** Another value of the same type, made if there is none. */
    private Value partner(Value a) {
        var type = builder.type(a);
        var known = all(v -> builder.type(v).equals(type) && !v.equals(a));
        if (!known.isEmpty() && pick(3) > 0) {
            return known.get(pick(known.size()));
        }
        var rank = type.rank();
        var axes = IntStream.range(0, rank).filter(_ -> pick(2) == 0).boxed().toList();
        var shape = new Shape(axes.stream().map(type::dim).toList());
        var small = builder.input("extra" + builder.size(), InputKind.DATA, type.withShape(shape));
        return builder.add(new Op.Broadcast(type.shape(), axes), small);
    }

    private void select() {
        var a = floats();
        var b = partner(a);
        if (smooth) {
            return;
        }
        var condition = builder.compare(COMPARISONS.get(pick(COMPARISONS.size())), untied(a), untied(b));
        keep(condition);
        keep(builder.select(condition, a, b));
    }

    /** What to compare in place of {@code x}: moved by numbers of its own, unless all ties of {@code x} are exact. */
    private Value untied(Value x) {
        return isExact(x)
                ? x
                : builder.add(x, builder.input("moved" + builder.size(), InputKind.DATA, builder.type(x)));
    }

    private boolean isExact(Value value) {
        while (exact.size() <= value.node()) {
            var node = builder.node(new Value(exact.size(), 0));
            exact.add(
                    switch (node.op()) {
                        case Op.Compare _, Op.ArgMax _ -> true;
                        default ->
                            !mayRoundOtherwise(node.op())
                                    && node.operands().stream().allMatch(v -> exact.get(v.node()));
                    });
        }
        return exact.get(value.node());
    }

    private void convert() {
        var x = any(v -> builder.type(v).dtype() != DType.I32);
        keep(builder.convert(x, DType.F32));
    }

    private void random() {
        if (pick(3) == 0) {
            var from = 2 + pick(4);
            keep(builder.add(new Op.RandomSubset(1 + pick(3), 1 + pick(from), from, streams++), key(2)));
            return;
        }
        var x = floats();
        var u = builder.add(
                new Op.Uniform(builder.shape(x), streams++),
                key(builder.shape(x).rank()));
        keep(u);
        var kept = builder.compare(Comparison.GE, u, builder.constantLike(u, 0.3));
        keep(builder.select(kept, builder.mul(x, 1 / 0.7), builder.constantLike(x, 0)));
    }

    /** The seed, or that of a part of a tensor with so many axes. */
    private Value key(int rank) {
        return rank == 0 || pick(2) == 0
                ? seed
                : builder.concat(List.of(seed, builder.constant(TensorType.i32(1), pick(9))), 0);
    }

    private void reshape() {
        var x = any(_ -> true);
        var dims = new ArrayList<Integer>();
        for (int d : builder.shape(x).dims()) {
            if (d == 4 && pick(2) == 0) {
                dims.addAll(List.of(2, 2));
            } else if (!dims.isEmpty() && pick(3) == 0 && dims.getLast() * d < 64) {
                dims.set(dims.size() - 1, dims.getLast() * d);
            } else {
                dims.add(d);
            }
        }
        if (dims.size() < 5 && pick(3) == 0) {
            dims.add(pick(dims.size() + 1), 1);
        }
        keep(builder.reshape(x, new Shape(dims)));
    }

    private void transpose() {
        var x = any(v -> builder.type(v).rank() > 1);
        var permutation = new ArrayList<>(
                IntStream.range(0, builder.type(x).rank()).boxed().toList());
        Collections.shuffle(permutation, random);
        keep(builder.transpose(x, permutation));
    }

    private void broadcast() {
        var x = any(v -> builder.type(v).rank() < 4);
        var dims = new ArrayList<Integer>();
        var axes = new ArrayList<Integer>();
        for (int d : builder.shape(x).dims()) {
            if (pick(3) == 0) {
                dims.add(extent());
            }
            axes.add(dims.size());
            dims.add(d == 1 ? extent() : d);
        }
        if (dims.size() == axes.size()) {
            dims.add(extent());
        }
        if (new Shape(dims).elements() < 2000) {
            keep(builder.add(new Op.Broadcast(new Shape(dims), axes), x));
        }
    }

    private void slice() {
        var x = any(v -> builder.type(v).rank() > 0);
        var starts = new ArrayList<Integer>();
        var limits = new ArrayList<Integer>();
        for (int d : builder.shape(x).dims()) {
            var start = pick(2) == 0 ? 0 : pick(d);
            starts.add(start);
            limits.add(pick(2) == 0 ? d : start + 1 + pick(d - start));
        }
        keep(builder.slice(x, starts, limits));
    }

    private void pad() {
        var x = floats();
        var low = builder.shape(x).dims().stream().map(_ -> pick(3)).toList();
        var high = builder.shape(x).dims().stream().map(_ -> pick(2)).toList();
        keep(builder.add(new Op.Pad(low, high, pick(2) * 1.5), x));
    }

    private void concat() {
        var x = any(v -> builder.type(v).rank() > 0);
        var axis = pick(builder.type(x).rank());
        var type = builder.type(x);
        var parts = new ArrayList<>(List.of(x));
        for (var other : all(_ -> true)) {
            var t = builder.type(other);
            if (parts.size() < 3
                    && t.rank() == type.rank()
                    && t.withShape(t.shape().with(axis, 1))
                            .equals(type.withShape(type.shape().with(axis, 1)))) {
                parts.add(other);
            }
        }
        Collections.shuffle(parts, random);
        keep(builder.concat(parts, axis));
    }

    private void reduce() {
        var x = floats();
        var axes = IntStream.range(0, builder.type(x).rank())
                .filter(_ -> pick(2) == 0)
                .boxed()
                .toList();
        keep(builder.mul(builder.add(new Op.Reduce(REDUCTIONS.get(pick(REDUCTIONS.size())), axes), x), 0.5));
    }

    /** A contraction of random axes, scaled to keep numbers small. */
    private void dot() {
        var lhs = any(v -> builder.type(v).dtype().isFloat() && builder.type(v).rank() > 0);
        var order = new ArrayList<>(
                IntStream.range(0, builder.type(lhs).rank()).boxed().toList());
        Collections.shuffle(order, random);
        var batch = order.subList(0, pick(Math.min(3, order.size())));
        var contract = order.subList(batch.size(), batch.size() + pick(order.size() - batch.size() + 1));
        var dims = new ArrayList<Integer>();
        var roles = new ArrayList<Integer>();
        batch.forEach(roles::add);
        contract.forEach(roles::add);
        IntStream.range(0, pick(3)).forEach(_ -> roles.add(-1));
        Collections.shuffle(roles, random);
        roles.forEach(role -> dims.add(role < 0 ? extent() : builder.type(lhs).dim(role)));
        var type = new TensorType(DType.F32, new Shape(dims));
        var known = all(v -> builder.type(v).equals(type));
        var rhs = known.isEmpty()
                ? builder.input("rhs" + builder.size(), InputKind.DATA, type)
                : known.get(pick(known.size()));
        var op = new Op.DotGeneral(
                batch,
                batch.stream().map(roles::indexOf).toList(),
                contract,
                contract.stream().map(roles::indexOf).toList());
        var product = builder.add(op, lhs, rhs);
        if (builder.type(product).elements() < 3000 && builder.type(product).rank() < 6) {
            keep(builder.mul(product, 0.3));
        }
    }

    private void index() {
        var x = any(v -> builder.type(v).dtype().isFloat() && builder.type(v).rank() > 0);
        if (!smooth && pick(3) == 0) {
            keep(builder.add(new Op.ArgMax(pick(builder.type(x).rank())), untied(x)));
            return;
        }
        var shape = builder.shape(x);
        var batchDims = pick(shape.rank());
        var indexShape = pick(2) == 0
                ? shape.slice(0, batchDims).append(extent())
                : shape.slice(0, Math.min(shape.rank(), batchDims + 1));
        var type = new TensorType(DType.I32, indexShape);
        var index = builder.input("index" + builder.size(), InputKind.DATA, type);
        // Inputs hold 0..3; what an index must stay below varies.
        if (shape.dim(batchDims) >= 4) {
            keep(builder.add(new Op.Gather(batchDims), x, index));
        }
        if (shape.slice(0, Math.min(shape.rank(), indexShape.rank())).equals(indexShape)) {
            keep(builder.add(new Op.ScatterAdd(batchDims, 4 + pick(3)), x, index));
        }
    }

    private void rows() {
        var x = any(v -> builder.type(v).dtype().isFloat() && builder.type(v).rank() > 0);
        var width = TensorType.f32(builder.type(x).dim(-1));
        switch (pick(3)) {
            case 0 -> {
                var gain = builder.input("gain" + builder.size(), InputKind.DATA, width);
                var bias = builder.input("bias" + builder.size(), InputKind.DATA, width);
                var results = builder.addAll(new Op.LayerNorm(1e-3), List.of(x, gain, bias));
                results.forEach(this::keep);
                builder.addAll(
                                new Op.LayerNormGrad(),
                                List.of(results.getFirst(), x, gain, results.get(1), results.get(2)))
                        .forEach(this::keep);
            }
            case 1 -> {
                var y = builder.add(new Op.Softmax(), builder.unary(UnaryFn.TANH, x));
                keep(y);
                keep(builder.add(new Op.SoftmaxGrad(), x, y));
            }
            default -> {
                var rows = builder.shape(x).elements(0, builder.type(x).rank() - 1);
                var classes = builder.type(x).dim(-1);
                if (classes < 4) {
                    return;
                }
                var logits = builder.reshape(x, Shape.of((int) rows, classes));
                var labels = builder.input("labels" + builder.size(), InputKind.DATA, TensorType.i32((int) rows));
                var loss = builder.addAll(new Op.SoftmaxXent(), List.of(logits, labels));
                loss.forEach(this::keep);
                keep(builder.add(new Op.SoftmaxXentGrad(), loss.getFirst(), logits, labels, loss.getLast()));
            }
        }
    }

    private void attention() {
        var heads = 1 + pick(2);
        var b = 1 + pick(2);
        var s = extent();
        var width = heads * (1 + pick(3));
        var qkv = builder.input("qkv" + builder.size(), InputKind.DATA, TensorType.f32(b, s, 3 * width));
        var parts = IntStream.range(0, 3)
                .mapToObj(i -> builder.slice(qkv, List.of(0, 0, i * width), List.of(b, s, (i + 1) * width)))
                .toList();
        var dropout = pick(2) * 0.25;
        var causal = pick(2) == 0;
        var operands = new ArrayList<>(parts);
        if (dropout > 0) {
            operands.add(seed);
        }
        var results = builder.addAll(new Op.Attention(heads, causal, 0.7, dropout, streams), operands);
        results.forEach(this::keep);
        var back = new ArrayList<Value>(List.of(results.getFirst()));
        back.addAll(parts);
        back.addAll(results);
        if (dropout > 0) {
            back.add(seed);
        }
        var gradients = builder.addAll(new Op.AttentionGrad(heads, causal, 0.7, dropout, streams++), back);
        keep(builder.concat(gradients, 2));
    }

    private void keep(Value value) {
        values.add(value);
    }

    private Value floats() {
        return any(v -> builder.type(v).dtype().isFloat());
    }

    private Value any(Predicate<Value> fits) {
        var fitting = all(fits);
        // Rather young values: deep graphs.
        var first = pick(fitting.size());
        var second = pick(fitting.size());
        return fitting.get(Math.max(first, second));
    }

    private List<Value> all(Predicate<Value> fits) {
        return values.stream().filter(fits).toList();
    }

    private Shape shape(int rank) {
        return new Shape(IntStream.range(0, rank).mapToObj(_ -> extent()).toList());
    }

    private int extent() {
        return EXTENTS[pick(EXTENTS.length)];
    }

    private int pick(int bound) {
        return random.nextInt(bound);
    }
}
