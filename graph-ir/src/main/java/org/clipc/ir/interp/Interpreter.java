package org.clipc.ir.interp;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.ShapeRules;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;

/**
 * Runs a graph node by node in float64: slow, and the oracle that every kernel is tested against. Values of type f32
 * keep all 64 bits; bf16 and f16 results are rounded to nearest even whenever a node produces them.
 */
public final class Interpreter {

    private Interpreter() {}

    /** All values of one run. */
    public record Run(Graph graph, List<List<Tensor64>> results) {

        public Tensor64 get(Value value) {
            return results.get(value.node()).get(value.result());
        }

        /** The graph's outputs by name, in order. */
        public Map<String, Tensor64> outputs() {
            var outputs = new LinkedHashMap<String, Tensor64>();
            graph.outputs().forEach(output -> outputs.put(output.name(), get(output.value())));
            return outputs;
        }
    }

    /**
     * The graph's outputs for the given inputs; surplus inputs are ignored.
     *
     * @throws IllegalArgumentException if an input is missing or has another type, or an index is out of range
     */
    public static Map<String, Tensor64> run(Graph graph, Map<String, Tensor64> inputs) {
        return trace(graph, inputs).outputs();
    }

    /** Like {@link #run}, keeping the results of all nodes. */
    public static Run trace(Graph graph, Map<String, Tensor64> inputs) {
        var results = new ArrayList<List<Tensor64>>(graph.nodes().size());
        for (var node : graph.nodes()) {
            var operands = node.operands().stream()
                    .map(v -> results.get(v.node()).get(v.result()))
                    .toList();
            results.add(node.op() instanceof Op.Input input ? List.of(bind(input, inputs)) : apply(node, operands));
        }
        return new Run(graph, results);
    }

    static Tensor64 bind(Op.Input input, Map<String, Tensor64> inputs) {
        var tensor = inputs.get(input.name());
        if (tensor == null) {
            throw new IllegalArgumentException("input " + input.name() + " is missing");
        }
        if (!tensor.type().equals(input.type())) {
            throw new IllegalArgumentException(
                    "input " + input.name() + " is " + tensor.type() + ", not " + input.type());
        }
        return tensor;
    }

    static List<Tensor64> apply(Node node, List<Tensor64> operands) {
        try {
            return apply(node.op(), operands, node.types());
        } catch (IllegalArgumentException e) {
            var message = ShapeRules.describe(node.op()) + ": " + e.getMessage();
            throw new IllegalArgumentException(message, e);
        }
    }

    /** The results, of the given types, of one op other than an input. */
    public static List<Tensor64> apply(Op op, List<Tensor64> operands, List<TensorType> types) {
        return results(op, operands, types).stream().map(Interpreter::round).toList();
    }

    static Tensor64 round(Tensor64 x) {
        var dtype = x.type().dtype();
        return x.map(x.type(), element -> Scalars.round(dtype, element));
    }

    private static List<Tensor64> results(Op op, List<Tensor64> in, List<TensorType> types) {
        return switch (op) {
            case Op.LayerNorm(var epsilon) -> Rows.layerNorm(in.get(0), in.get(1), in.get(2), epsilon, types);
            case Op.LayerNormGrad _ -> Rows.layerNormGrad(in, types);
            case Op.SoftmaxXent _ -> Rows.softmaxXent(in.get(0), in.get(1), types);
            case Op.Attention attention -> AttentionMath.forward(attention, in, types);
            case Op.AttentionGrad attention -> AttentionMath.backward(attention, in, types);
            case Op.AdamW adamW -> Optimizers.adamW(adamW, in, types);
            case Op.Fused(var _, var body) -> fused(body, in);
            case Op.AllReduce(var _, var _, var size) -> alone(size, in);
            case Op.AllGather(var _, var size, var _, var _) -> alone(size, in);
            case Op.ReduceScatter(var _, var size, var _, var _) -> alone(size, in);
            case Op.Permute(var _, var size, var shift) -> List.of(Strided.roll(in.getFirst(), size, shift));
            default -> List.of(result(op, in, types.getFirst()));
        };
    }

    /** What a collective gives a rank that has no others. */
    private static List<Tensor64> alone(int size, List<Tensor64> in) {
        if (size != 1) {
            throw new IllegalArgumentException("needs " + size + " ranks: see MeshInterpreter");
        }
        return in;
    }

    private static List<Tensor64> fused(Graph body, List<Tensor64> in) {
        var inputs = new LinkedHashMap<String, Tensor64>();
        in.forEach(operand -> inputs.put(String.valueOf(inputs.size()), operand));
        return List.copyOf(run(body, inputs).values());
    }

    private static Tensor64 result(Op op, List<Tensor64> in, TensorType type) {
        return switch (op) {
            case Op.Input input -> throw new IllegalArgumentException("input " + input.name() + " computes nothing");
            case Op.Constant(var _, var value) -> Tensor64.filled(type, value);
            case Op.Iota iota -> Strided.iota(iota, type);
            case Op.Unary(var fn) -> in.get(0).map(type, x -> Scalars.unary(fn, type.dtype(), x));
            case Op.Binary(var fn) -> zip(in, type, (a, b) -> Scalars.binary(fn, type.dtype(), a, b));
            case Op.Compare(var comparison) -> zip(in, type, (a, b) -> Scalars.bool(Scalars.compare(comparison, a, b)));
            case Op.Select _ -> select(in.get(0), in.get(1), in.get(2));
            case Op.Convert(var dtype) -> {
                var from = in.get(0).type().dtype();
                yield in.get(0).map(type, x -> Scalars.convert(from, dtype, x));
            }
            case Op.Uniform(var _, var stream) -> Randoms.uniform(in.get(0), stream, type);
            case Op.RandomSubset subset -> Randoms.subset(in.get(0), subset, type);
            case Op.Reshape _, Op.StopGradient _, Op.Replicate _ -> in.get(0).as(type);
            case Op.RankSlice slice -> Shards.slice(in.get(0), slice, in.get(1).getInt(0), type);
            case Op.Transpose(var permutation) -> Strided.transpose(in.get(0), permutation);
            case Op.Broadcast broadcast -> Strided.broadcast(in.get(0), broadcast);
            case Op.Slice slice -> Strided.slice(in.get(0), slice, type);
            case Op.Pad pad -> Strided.pad(in.get(0), pad, type);
            case Op.Concat(var axis) -> Strided.concat(in, axis, type);
            case Op.Reduce reduce -> Reductions.reduce(in.get(0), reduce, type);
            case Op.ArgMax(var axis) -> Reductions.argMax(in.get(0), axis, type);
            case Op.DotGeneral dot -> Reductions.dot(in.get(0), in.get(1), dot, type);
            case Op.Gather(var batchDims) -> Indexing.gather(in.get(0), in.get(1), batchDims, type);
            case Op.ScatterAdd(var batchDims, var size) ->
                Indexing.scatterAdd(in.get(0), in.get(1), batchDims, size, type);
            case Op.Softmax _ -> Rows.softmax(in.get(0));
            case Op.SoftmaxGrad _ -> Rows.softmaxGrad(in.get(0), in.get(1));
            case Op.SoftmaxXentGrad _ -> Rows.softmaxXentGrad(in.get(0), in.get(1), in.get(2), in.get(3));
            case Op.LayerNorm _,
                    Op.LayerNormGrad _,
                    Op.SoftmaxXent _,
                    Op.Attention _,
                    Op.AttentionGrad _,
                    Op.AdamW _,
                    Op.Fused _,
                    Op.AllReduce _,
                    Op.AllGather _,
                    Op.ReduceScatter _,
                    Op.Permute _ -> throw new IllegalArgumentException("has several results");
        };
    }

    private static Tensor64 zip(List<Tensor64> in, TensorType type, DoubleBinaryOperator fn) {
        var result = Tensor64.zeros(type);
        for (var i = 0; i < result.size(); i++) {
            result.data()[i] = fn.applyAsDouble(in.get(0).get(i), in.get(1).get(i));
        }
        return result;
    }

    private static Tensor64 select(Tensor64 condition, Tensor64 a, Tensor64 b) {
        var result = Tensor64.zeros(a.type());
        for (var i = 0; i < result.size(); i++) {
            result.data()[i] = condition.get(i) != 0 ? a.get(i) : b.get(i);
        }
        return result;
    }
}
