package org.clipc.compiler.plan;

import java.util.Objects;
import java.util.Optional;
import org.clipc.ir.Cost;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Node;
import org.clipc.ir.Op;

/**
 * Estimated seconds of a training step. Each op of the fused graph takes what its arithmetic or its memory traffic asks
 * for, whichever is more (Williams et al., "Roofline: an insightful visual performance model", 2009). An exchange takes its
 * bytes ({@link Cost#sent}) over the slowest link on the way, and that link's latency for each level of a tree.
 *
 * @param compute of kernels
 * @param tensor of exchanges between tensor-parallel ranks, which kernels wait for
 * @param data of exchanges between data-parallel ranks, as far as nothing hides them
 */
public record StepTime(double compute, double tensor, double data) {

    /** What an op between ranks needs: a message for each of {@code hops} levels. */
    private record Exchange(MeshAxis axis, int hops) {}

    public double seconds() {
        return compute + tensor + data;
    }

    /** @param graph the final one of a rank's training step */
    static StepTime of(Graph graph, Mesh mesh, Cluster cluster) {
        var compute = 0.0;
        var tensor = 0.0;
        var data = 0.0;
        for (var node : graph.nodes()) {
            var exchange = exchange(node.op());
            if (exchange.isEmpty()) {
                compute += kernel(graph, node, cluster);
                continue;
            }
            var axis = exchange.get().axis();
            var sent = Cost.sent(
                    node.op(), node.operands().stream().map(graph::type).toList());
            var seconds = cluster.link(mesh, axis)
                    .seconds(sent / cluster.efficiency().links(), exchange.get().hops());
            switch (axis) {
                case TENSOR -> tensor += seconds;
                case DATA -> data += seconds;
            }
        }
        return new StepTime(compute, tensor, data * (1 - cluster.efficiency().overlap()));
    }

    private static Optional<Exchange> exchange(Op op) {
        return switch (op) {
            case Op.AllReduce(var axis, var _, var size) -> Optional.of(new Exchange(axis, 2 * levels(size)));
            case Op.AllGather(var axis, var size, var _, var _) -> Optional.of(new Exchange(axis, levels(size)));
            case Op.ReduceScatter(var axis, var size, var _, var _) -> Optional.of(new Exchange(axis, levels(size)));
            case Op.Permute(var axis, var _, var _) -> Optional.of(new Exchange(axis, 1));
            default -> Optional.empty();
        };
    }

    private static int levels(int ranks) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(ranks - 1);
    }

    private static double kernel(Graph graph, Node node, Cluster cluster) {
        var cost = Cost.of(graph, node);
        var efficiency = cluster.efficiency();
        var peak = Objects.requireNonNull(cluster.flops().getOrDefault(operandType(graph, node), f32(cluster)));
        return Math.max(
                cost.flops() / (peak * efficiency.products()),
                cost.bytes() / (cluster.memoryBandwidth() * efficiency.memory()));
    }

    private static double f32(Cluster cluster) {
        return Objects.requireNonNull(cluster.flops().get(DType.F32));
    }

    /** The type that decides how fast the arithmetic is: that of a product's operands. */
    private static DType operandType(Graph graph, Node node) {
        return switch (node.op()) {
            case Op.DotGeneral _, Op.Attention _, Op.AttentionGrad _ ->
                graph.type(node.operand(0)).dtype();
            case Op.Fused(var _, var body) ->
                body.nodes().stream()
                        .filter(inner -> inner.op() instanceof Op.DotGeneral)
                        .map(inner -> body.type(inner.operand(0)).dtype())
                        .findFirst()
                        .orElse(DType.F32);
            default -> DType.F32;
        };
    }
}
