package org.clipc.compiler.plan;

import java.util.Objects;
import org.clipc.compiler.explain.StepGraphs;
import org.clipc.ir.Cost;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.Node;
import org.clipc.ir.Op;

/**
 * Estimated seconds of a training step. Each op of the fused graph takes what its arithmetic or its memory traffic asks
 * for, whichever is more (Williams et al., "Roofline: an insightful visual performance model", 2009). An exchange takes its
 * bytes ({@link Cost#sent}) over the slowest link on the way, and that link's latency for each level of a tree. What
 * data-parallel ranks exchange travels one after the other beside the kernels, which wait where they need its results.
 *
 * @param compute of kernels
 * @param tensor of exchanges between tensor-parallel ranks, which kernels wait for
 * @param data of exchanges between data-parallel ranks, as far as kernels do not hide them
 */
public record StepTime(double compute, double tensor, double data) {

    public double seconds() {
        return compute + tensor + data;
    }

    /** @param overlapped whether kernels go on while data-parallel ranks exchange */
    static StepTime of(StepGraphs step, Mesh mesh, Cluster cluster, boolean overlapped) {
        var sum = new StepTime(0, 0, 0);
        for (var run : step.runs()) {
            sum = sum.plus(of(run.graph(), mesh, cluster, overlapped), run.times());
        }
        return sum;
    }

    private StepTime plus(StepTime other, int times) {
        return new StepTime(compute + times * other.compute, tensor + times * other.tensor, data + times * other.data);
    }

    private static StepTime of(Graph graph, Mesh mesh, Cluster cluster, boolean overlapped) {
        var clock = new Clock(overlapped ? cluster.efficiency().overlap() : 0);
        // When what data-parallel ranks exchange has arrived, by node.
        var ready = new double[graph.nodes().size()];
        for (var i = 0; i < ready.length; i++) {
            var node = graph.nodes().get(i);
            var needed = node.operands().stream()
                    .mapToDouble(v -> ready[v.node()])
                    .max()
                    .orElse(0);
            if (node.op() instanceof Op.Collective exchange) {
                clock.await(needed);
                var seconds = seconds(graph, node, exchange, mesh, cluster);
                switch (exchange.axis()) {
                    case TENSOR -> clock.exchangeTensor(seconds);
                    case DATA -> ready[i] = clock.exchangeData(seconds);
                }
            } else if (takesTime(graph, node)) {
                clock.await(needed);
                clock.compute(kernel(graph, node, cluster));
            } else {
                ready[i] = needed;
            }
        }
        return clock.end();
    }

    /** A rank's: what it did with its time so far. */
    private static final class Clock {

        private final double hidden;
        private double now;
        private double linkFree;
        private double compute;
        private double tensor;
        private double data;

        /** @param hidden share of an exchange along the data axis that does not hold kernels up */
        Clock(double hidden) {
            this.hidden = hidden;
        }

        void await(double moment) {
            data += Math.max(0, moment - now);
            now = Math.max(now, moment);
        }

        void compute(double seconds) {
            compute += seconds;
            now += seconds;
        }

        void exchangeTensor(double seconds) {
            tensor += seconds;
            now += seconds;
        }

        /** When its results are there. */
        double exchangeData(double seconds) {
            await(now + seconds * (1 - hidden));
            linkFree = Math.max(linkFree, now) + seconds * hidden;
            return linkFree;
        }

        StepTime end() {
            await(linkFree);
            return new StepTime(compute, tensor, data);
        }
    }

    private static double seconds(Graph graph, Node node, Op.Collective exchange, Mesh mesh, Cluster cluster) {
        var sent = Cost.sent(exchange, node.operands().stream().map(graph::type).toList());
        return cluster.link(mesh, exchange.axis())
                .seconds(sent / cluster.efficiency().links(), hops(exchange));
    }

    /** Whether a kernel runs: nothing does for inputs, nor for what only renames memory. */
    private static boolean takesTime(Graph graph, Node node) {
        return !Cost.of(graph, node).equals(Cost.NONE);
    }

    /** Messages that follow each other: one for each level of a tree. */
    private static int hops(Op.Collective exchange) {
        return switch (exchange) {
            case Op.AllReduce(var _, var _, var size) -> 2 * levels(size);
            case Op.AllGather(var _, var size, var _, var _) -> levels(size);
            case Op.ReduceScatter(var _, var size, var _, var _) -> levels(size);
            case Op.Permute _ -> 1;
        };
    }

    private static int levels(int ranks) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(ranks - 1);
    }

    private static double kernel(Graph graph, Node node, Cluster cluster) {
        var cost = Cost.of(graph, node);
        var efficiency = cluster.efficiency();
        var peak = Objects.requireNonNull(cluster.flops().getOrDefault(operandType(graph, node), f32(cluster)));
        return cluster.launch()
                + Math.max(
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
