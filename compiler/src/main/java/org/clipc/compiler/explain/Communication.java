package org.clipc.compiler.explain;

import java.util.List;
import java.util.Optional;
import org.clipc.ir.Cost;
import org.clipc.ir.Graph;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.ShapeRules;

/**
 * What ranks exchange in one run of an entry point, in order.
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
     * @param sent bytes that each rank sends, see {@link Cost#sent}
     * @param path of the module whose value it is, of several the first; empty for the model's own
     */
    public record Collective(String op, MeshAxis axis, int ranks, int tensors, long sent, String path) {}

    /** @param graph the final one of an entry point */
    public static Communication of(Graph graph) {
        return new Communication(graph.nodes().stream()
                .flatMap(node -> collective(graph, node).stream())
                .toList());
    }

    private static Optional<Collective> collective(Graph graph, Node node) {
        return switch (node.op()) {
            case Op.AllReduce(var axis, var _, var size) -> Optional.of(collective(graph, node, axis, size));
            case Op.AllGather(var axis, var size, var _, var _) -> Optional.of(collective(graph, node, axis, size));
            case Op.ReduceScatter(var axis, var size, var _, var _) -> Optional.of(collective(graph, node, axis, size));
            case Op.Permute(var axis, var size, var _) -> Optional.of(collective(graph, node, axis, size));
            default -> Optional.empty();
        };
    }

    private static Collective collective(Graph graph, Node node, MeshAxis axis, int size) {
        var operands = node.operands().stream().map(graph::type).toList();
        return new Collective(
                ShapeRules.describe(node.op()),
                axis,
                size,
                operands.size(),
                Cost.sent(node.op(), operands),
                node.location().path());
    }

    /** Bytes that each rank sends along an axis. */
    public long sent(MeshAxis axis) {
        return collectives.stream()
                .filter(c -> c.axis() == axis)
                .mapToLong(Collective::sent)
                .sum();
    }

    /** Bytes that each rank sends. */
    public long sent() {
        return collectives.stream().mapToLong(Collective::sent).sum();
    }
}
