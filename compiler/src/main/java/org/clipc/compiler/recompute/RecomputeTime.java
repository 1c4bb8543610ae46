package org.clipc.compiler.recompute;

import org.clipc.compiler.cost.Work;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;

/**
 * Estimated time to run a node again, in nanoseconds: good to a factor of two or so, which is enough to tell cheap ones
 * (elementwise ops and normalisations, 0.1 to 1 per byte) from dear ones (products, 2 and more per byte). The rates are
 * those of a desktop processor; ratios are alike elsewhere.
 */
final class RecomputeTime {

    private static final double PRODUCT_FLOPS_PER_NANO = 80;
    private static final double ATTENTION_FLOPS_PER_NANO = 30;
    /** Elementwise work happens in registers of a kernel that runs anyway. */
    private static final double POINTWISE_OPS_PER_NANO = 40;

    static final double BYTES_PER_NANO = 15;
    private static final double SENT_BYTES_PER_NANO = 0.1;
    private static final double COLLECTIVE_NANOS = 20_000;

    private RecomputeTime() {}

    static double nanos(Node node, Graph graph) {
        var operands = node.operands().stream().map(graph::type).toList();
        return switch (node.op()) {
            case Op.Input _, Op.Constant _, Op.Iota _, Op.View _, Op.Replicate _ -> 0;
            case Op.Elementwise _, Op.Uniform _ ->
                (Work.perElement(node.op()) + 1) * node.type().elements() / POINTWISE_OPS_PER_NANO;
            case Op.DotGeneral _, Op.Fused _ ->
                Work.of(node.op(), operands, node.types()) / PRODUCT_FLOPS_PER_NANO
                        + Work.traffic(node, graph) / BYTES_PER_NANO;
            case Op.Attention _, Op.AttentionGrad _ ->
                Work.of(node.op(), operands, node.types()) / ATTENTION_FLOPS_PER_NANO
                        + Work.traffic(node, graph) / BYTES_PER_NANO;
            case Op.RandomSubset _ -> Work.of(node.op(), operands, node.types());
            case Op.Pad _,
                    Op.Concat _,
                    Op.Reduce _,
                    Op.ArgMax _,
                    Op.RankSlice _,
                    Op.Gather _,
                    Op.ScatterAdd _,
                    Op.LayerNorm _,
                    Op.LayerNormGrad _,
                    Op.Softmax _,
                    Op.SoftmaxGrad _,
                    Op.SoftmaxXent _,
                    Op.SoftmaxXentGrad _,
                    Op.AdamW _ -> Work.traffic(node, graph) / BYTES_PER_NANO;
            // Ranks wait for each other, so what was sent is not sent again while there is a choice.
            case Op.Collective _ -> COLLECTIVE_NANOS + Work.traffic(node, graph) / SENT_BYTES_PER_NANO;
        };
    }
}
