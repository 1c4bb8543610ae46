package org.clipc.compiler.explain;

import java.util.List;
import org.clipc.ir.Cost;
import org.clipc.ir.Graph;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.ShapeRules;

/**
 * What ranks exchange in a training step, in order.
 *
 * @param collectives one after the other
 */
public record Communication(List<Collective> collectives) {

    public Communication {
        collectives = List.copyOf(collectives);
    }

    /**
     * One exchange.
     *
     * @param op such as {@code all_reduce}
     * @param tensors that travel together
     * @param times that it happens: once, or for each micro-batch
     * @param sent bytes that each rank sends each time, see {@link Cost#sent}
     * @param path of the module whose value it is, of several the first; empty for the model's own
     */
    public record Collective(String op, MeshAxis axis, int ranks, int tensors, int times, long sent, String path) {

        long allSent() {
            return times * sent;
        }
    }

    /** @param times that a step runs the graph */
    public static List<Collective> of(Graph graph, int times) {
        return graph.nodes().stream()
                .filter(node -> node.op() instanceof Op.Collective)
                .map(node -> collective(graph, node, (Op.Collective) node.op(), times))
                .toList();
    }

    private static Collective collective(Graph graph, Node node, Op.Collective op, int times) {
        var operands = node.operands().stream().map(graph::type).toList();
        return new Collective(
                ShapeRules.describe(op),
                op.axis(),
                op.size(),
                operands.size(),
                times,
                Cost.sent(op, operands),
                node.location().path());
    }

    /** Bytes that each rank sends along an axis. */
    public long sent(MeshAxis axis) {
        return collectives.stream()
                .filter(c -> c.axis() == axis)
                .mapToLong(Collective::allSent)
                .sum();
    }

    /** Bytes that each rank sends. */
    public long sent() {
        return collectives.stream().mapToLong(Collective::allSent).sum();
    }
}
