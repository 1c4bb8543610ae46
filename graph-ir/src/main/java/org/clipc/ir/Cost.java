package org.clipc.ir;

import java.util.List;
import java.util.stream.IntStream;

/**
 * What running an op alone takes, by its formula.
 *
 * @param flops floating-point operations: a multiply-add is two, any elementwise function of one element one; work on
 *     integers, random numbers included, is none. Attention counts the pairs that its mask leaves, and its gradient the
 *     probabilities computed again, as FlashAttention-2 does (arXiv:2307.08691).
 * @param bytes read from and written to memory if nothing is cached: each element once, none for what only renames
 *     memory, and for gathers and slices the rows they touch
 */
public record Cost(long flops, long bytes) {

    public static final Cost NONE = new Cost(0, 0);

    /** Operations per element, counted in the formulas of the reference interpreter. */
    private static final int LAYER_NORM = 8;

    private static final int LAYER_NORM_GRAD = 13;
    private static final int SOFTMAX = 5;
    private static final int SOFTMAX_GRAD = 4;
    private static final int XENT = 4;
    private static final int XENT_GRAD = 4;
    private static final int ADAM_W = 15;

    public Cost plus(Cost other) {
        return new Cost(flops + other.flops, bytes + other.bytes);
    }

    /** All nodes together. */
    public static Cost of(Graph graph) {
        return graph.nodes().stream().map(node -> of(graph, node)).reduce(NONE, Cost::plus);
    }

    /** One node of the graph. */
    public static Cost of(Graph graph, Node node) {
        return of(node.op(), node.operands().stream().map(graph::type).toList(), node.types());
    }

    public static Cost of(Op op, List<TensorType> operands, List<TensorType> results) {
        return new Cost(flops(op, operands, results), bytes(op, operands, results));
    }

    private static long flops(Op op, List<TensorType> in, List<TensorType> out) {
        var elements = out.getFirst().elements();
        return switch (op) {
            case Op.Input _, Op.Constant _, Op.Iota _, Op.Uniform _, Op.RandomSubset _ -> 0;
            case Op.Unary _, Op.Binary _ -> out.getFirst().dtype().isFloat() ? elements : 0;
            case Op.Compare _ -> in.getFirst().dtype().isFloat() ? elements : 0;
            case Op.Select _, Op.Convert _, Op.DataMovement _ -> 0;
            case Op.Reduce _, Op.ArgMax _, Op.ScatterAdd _ ->
                in.getFirst().dtype().isFloat() ? in.getFirst().elements() : 0;
            case Op.DotGeneral dot -> 2 * elements * extent(in.getFirst().shape(), dot.lhsContract());
            case Op.LayerNorm _ -> LAYER_NORM * elements;
            case Op.LayerNormGrad _ -> LAYER_NORM_GRAD * elements;
            case Op.Softmax _ -> SOFTMAX * elements;
            case Op.SoftmaxGrad _ -> SOFTMAX_GRAD * elements;
            case Op.SoftmaxXent _ -> XENT * in.getFirst().elements();
            case Op.SoftmaxXentGrad _ -> XENT_GRAD * elements;
            case Op.Attention(var _, var causal, var _, var _, var _) -> attention(2, causal, in.get(0), in.get(1));
            case Op.AttentionGrad(var _, var causal, var _, var _, var _) -> attention(5, causal, in.get(1), in.get(2));
            case Op.AdamW _ -> ADAM_W * elements;
            case Op.AllReduce(var _, var _, var size) -> (size - 1L) * count(in) / size;
            case Op.ReduceScatter(var _, var size, var _, var _) -> (size - 1L) * count(in) / size;
            case Op.Fused(var _, var body) -> of(body).flops();
        };
    }

    /** {@code products} matrix products over the pairs of a query and a key that it sees; the softmax is not counted. */
    private static long attention(int products, boolean causal, TensorType q, TensorType k) {
        var s = q.dim(1);
        var t = k.dim(1);
        var pairs = causal
                ? IntStream.range(0, s).mapToLong(i -> Math.min(i + 1, t)).sum()
                : (long) s * t;
        return 2L * products * q.dim(0) * pairs * q.dim(2);
    }

    private static long bytes(Op op, List<TensorType> in, List<TensorType> out) {
        return switch (op) {
            case Op.Input _, Op.Constant _, Op.Iota _, Op.Reshape _, Op.StopGradient _ -> 0;
            case Op.Replicate _ -> 0;
            case Op.Slice _, Op.RankSlice _ -> 2 * total(out);
            case Op.Gather _ -> in.get(1).bytes() + 2 * total(out);
            case Op.Elementwise _,
                    Op.Uniform _,
                    Op.RandomSubset _,
                    Op.Transpose _,
                    Op.Broadcast _,
                    Op.Pad _,
                    Op.Concat _,
                    Op.Reduce _,
                    Op.ArgMax _,
                    Op.DotGeneral _,
                    Op.ScatterAdd _,
                    Op.LayerNorm _,
                    Op.LayerNormGrad _,
                    Op.Softmax _,
                    Op.SoftmaxGrad _,
                    Op.SoftmaxXent _,
                    Op.SoftmaxXentGrad _,
                    Op.Attention _,
                    Op.AttentionGrad _,
                    Op.AdamW _,
                    Op.Collective _,
                    Op.Fused _ -> total(in) + total(out);
        };
    }

    /**
     * Bytes that each rank sends to others: what the bandwidth-optimal ring algorithms need (Patarasuk and Yuan,
     * "Bandwidth optimal all-reduce algorithms for clusters of workstations", 2009), 0 for what is no collective.
     */
    public static long sent(Op op, List<TensorType> operands) {
        return op instanceof Op.Collective collective ? sent(collective, operands) : 0;
    }

    private static long sent(Op.Collective op, List<TensorType> operands) {
        return switch (op) {
            case Op.AllReduce(var _, var _, var size) -> 2 * ((size - 1L) * total(operands) / size);
            case Op.ReduceScatter(var _, var size, var _, var _) -> (size - 1L) * total(operands) / size;
            case Op.AllGather(var _, var size, var _, var _) -> (size - 1L) * total(operands);
            case Op.Permute(var _, var size, var shift) -> shift % size == 0 ? 0 : total(operands);
        };
    }

    private static long count(List<TensorType> types) {
        return types.stream().mapToLong(TensorType::elements).sum();
    }

    private static long total(List<TensorType> types) {
        return types.stream().mapToLong(TensorType::bytes).sum();
    }

    private static long extent(Shape shape, List<Integer> axes) {
        return axes.stream().mapToLong(shape::dim).reduce(1, (a, b) -> a * b);
    }
}
