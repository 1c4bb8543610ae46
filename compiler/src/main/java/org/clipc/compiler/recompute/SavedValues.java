package org.clipc.compiler.recompute;

import java.util.HashSet;
import java.util.Set;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * Chooses which values of the forward pass are kept for the backward pass; the others that it needs are computed again
 * from those. Minimises the bytes kept plus {@code price} times the time to recompute, exactly, as a minimum cut (in the
 * spirit of the partitioner of torch's AOTAutograd; Zheng et al. 2023).
 *
 * <p>A value is at hand in the backward pass if it is kept, at the price of its bytes, or if its node runs again, at the
 * price of its time, for which all operands have to be at hand. Vertices: one per value, on the source's side if it is
 * at hand, and one per node, on the source's side if it runs again.
 */
final class SavedValues {

    /**
     * Early layers are a little cheaper to recompute than late ones, so that a price between flips some of many equal
     * layers and not all; their values would wait longest.
     */
    private static final double LATE_SURCHARGE = 0.25;

    /** Capacities are whole numbers; this many of them stand for a byte. */
    private static final long UNITS = 1024;

    private final Graph graph;
    private final int boundary;
    private final int[] vertex;

    private SavedValues(Graph graph, int boundary) {
        this.graph = graph;
        this.boundary = boundary;
        vertex = new int[boundary + 2];
        // A node's own vertex, then one per result; the source and the sink come first.
        vertex[0] = 2;
        for (var i = 0; i <= boundary; i++) {
            vertex[i + 1] = vertex[i] + 1 + graph.nodes().get(i).types().size();
        }
    }

    /**
     * @param boundary index of the forward pass's last node
     * @param price bytes that a nanosecond is worth
     */
    static Set<Value> choose(Graph graph, int boundary, double price) {
        return new SavedValues(graph, boundary).choose(price);
    }

    /** Inputs and constants are always at hand. */
    static boolean isFree(Op op) {
        return op instanceof Op.Input || op instanceof Op.Constant || op instanceof Op.Iota;
    }

    private Set<Value> choose(double price) {
        var cut = new MinCut(vertex[boundary + 1]);
        var wanted = wanted();
        for (var value : wanted) {
            if (!isFree(graph.op(value))) {
                cut.edge(0, vertexOf(value), MinCut.UNLIMITED);
            }
        }
        var outside = usedOutsideOfTheirRegion();
        for (var i = 0; i <= boundary; i++) {
            var node = graph.nodes().get(i);
            if (isFree(node.op())) {
                continue;
            }
            var surcharge = 1 + LATE_SURCHARGE * i / boundary;
            cut.edge(vertex[i], 1, (long) (UNITS * price * surcharge * RecomputeTime.nanos(node, graph)));
            for (var r = 0; r < node.types().size(); r++) {
                var value = new Value(i, r);
                cut.edge(
                        vertexOf(value),
                        vertex[i],
                        mayKeep(value, outside) ? UNITS * graph.type(value).bytes() : MinCut.UNLIMITED);
            }
            for (var operand : node.operands()) {
                if (!isFree(graph.op(operand))) {
                    cut.edge(vertex[i], vertexOf(operand), MinCut.UNLIMITED);
                }
            }
        }
        var atHand = cut.sourceSide(0, 1);
        Set<Value> saved = new HashSet<>();
        for (var i = 0; i <= boundary; i++) {
            for (var r = 0; r < graph.nodes().get(i).types().size(); r++) {
                var value = new Value(i, r);
                if (atHand.get(vertexOf(value)) && !atHand.get(vertex[i])) {
                    saved.add(value);
                }
            }
        }
        return saved;
    }

    private int vertexOf(Value value) {
        return vertex[value.node()] + 1 + value.result();
    }

    /** Forward values that the backward pass uses. */
    private Set<Value> wanted() {
        Set<Value> wanted = new HashSet<>();
        for (var node : graph.nodes().subList(boundary + 1, graph.nodes().size())) {
            node.operands().stream().filter(v -> v.node() <= boundary).forEach(wanted::add);
        }
        return wanted;
    }

    /** Keeping a view keeps the tensor it is of. Inside of a recompute region nothing is kept but what leaves it. */
    private boolean mayKeep(Value value, Set<Value> outside) {
        var isView = switch (graph.op(value)) {
            case Op.Reshape _, Op.Transpose _, Op.Broadcast _, Op.Slice _, Op.StopGradient _ -> true;
            default -> false;
        };
        return !isView && (region(value.node()).isEmpty() || outside.contains(value));
    }

    private Set<Value> usedOutsideOfTheirRegion() {
        Set<Value> used = new HashSet<>();
        for (var i = 0; i <= boundary; i++) {
            for (var operand : graph.nodes().get(i).operands()) {
                if (!region(operand.node()).equals(region(i))) {
                    used.add(operand);
                }
            }
        }
        return used;
    }

    private String region(int node) {
        return graph.nodes().get(node).location().recompute();
    }
}
