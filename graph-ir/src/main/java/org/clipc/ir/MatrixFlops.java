package org.clipc.ir;

import java.util.List;

/**
 * Arithmetic as papers count it: the matrix products of linear layers, convolutions and attention, a multiplication with
 * an addition as two operations, masked pairs of causal attention included. Everything else a model computes is below
 * one hundredth of that. open_clip's published GFLOPs are these numbers.
 */
public final class MatrixFlops {

    /** Products of queries with keys, and of probabilities with values. */
    private static final int FORWARD_PRODUCTS = 2;

    /** Both again for the gradients of either side, but probabilities once more instead of outputs. */
    private static final int BACKWARD_PRODUCTS = 5;

    private MatrixFlops() {}

    public static long of(Graph graph) {
        return graph.nodes().stream().mapToLong(node -> of(graph, node)).sum();
    }

    /** One node of the graph. */
    public static long of(Graph graph, Node node) {
        return of(node.op(), node.operands().stream().map(graph::type).toList(), node.types());
    }

    private static long of(Op op, List<TensorType> in, List<TensorType> out) {
        return switch (op) {
            case Op.DotGeneral dot ->
                2
                        * out.getFirst().elements()
                        * dot.lhsContract().stream()
                                .mapToLong(axis -> in.getFirst().dim(axis))
                                .reduce(1, (a, b) -> a * b);
            case Op.Attention _ -> attention(FORWARD_PRODUCTS, in.get(0), in.get(1));
            case Op.AttentionGrad _ -> attention(BACKWARD_PRODUCTS, in.get(1), in.get(2));
            case Op.Fused fused -> of(fused.body());
            case Op.Input _,
                    Op.Constant _,
                    Op.Iota _,
                    Op.Elementwise _,
                    Op.Uniform _,
                    Op.RandomSubset _,
                    Op.DataMovement _,
                    Op.Reduce _,
                    Op.ArgMax _,
                    Op.ScatterAdd _,
                    Op.LayerNorm _,
                    Op.LayerNormGrad _,
                    Op.Softmax _,
                    Op.SoftmaxGrad _,
                    Op.SoftmaxXent _,
                    Op.SoftmaxXentGrad _,
                    Op.AdamW _,
                    Op.Collective _ -> 0;
        };
    }

    private static long attention(int products, TensorType q, TensorType k) {
        return 2L * products * q.elements() * k.dim(1);
    }
}
