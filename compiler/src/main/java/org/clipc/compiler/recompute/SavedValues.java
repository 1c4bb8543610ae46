package org.clipc.compiler.recompute;

import java.util.HashSet;
import java.util.Set;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;

/**
 * Chooses which values of the forward pass are kept for the backward pass; the others that it needs are computed again
 * from those. Minimises the bytes kept plus a price times the time for both, exactly, as a minimum cut (in the
 * spirit of the partitioner of torch's AOTAutograd; Zheng et al. 2023).
 *
 * <p>A value is at hand in the backward pass if it is kept, at the price of its bytes and the time to keep it, or if its node
 * runs again, at the price of its time, for which all operands have to be at hand. Vertices: one per value, on the source's side if it is
 * at hand, and one per node, on the source's side if it runs again.
 */
final class SavedValues {

    /**
     * Early layers are this much cheaper to recompute than late ones. Their values would wait longest; and so a price
     * stands between any two of many equal layers, and whatever the bytes, a choice comes close to them.
     */
    private static final double LATE_SURCHARGE = 1.0 / 256;

    /** Sum that capacities stay below. */
    private static final double MOST = 1L << 58;

    private final Graph graph;
    private final int boundary;
    private final int[] vertex;
    private final double[] nanos;
    private final KeepTime times;

    /** Capacities are whole numbers; this many of them stand for a byte. */
    private final long units;

    private final Set<Value> wanted;
    private final Set<Value> outside;

    /** @param boundary index of the forward pass's last node */
    SavedValues(Graph graph, int boundary) {
        this.graph = graph;
        this.boundary = boundary;
        wanted = wanted();
        outside = usedOutsideOfTheirRegion();
        times = new KeepTime(graph, boundary);
        nanos = new double[boundary + 1];
        vertex = new int[boundary + 2];
        // A node's own vertex, then one per result; the source and the sink come first.
        vertex[0] = 2;
        var total = 1.0;
        for (var i = 0; i <= boundary; i++) {
            var node = graph.nodes().get(i);
            vertex[i + 1] = vertex[i] + 1 + node.types().size();
            nanos[i] = isFree(node.op()) ? 0 : times.again(i);
            total += nanos[i]
                    + node.types().stream().mapToLong(TensorType::bytes).sum();
        }
        units = Math.max(1, Long.highestOneBit((long) Math.min(1 << 20, MOST / total)));
    }

    /**
     * What to keep.
     *
     * @param price bytes that a nanosecond was worth
     * @param bytes of what is kept
     * @param nanos to keep that and to compute the rest again
     * @param cost of the cut, in bytes: no choice has a smaller sum of bytes and of nanoseconds at the price
     */
    record Choice(double price, Set<Value> saved, long bytes, double nanos, double cost) {

        /** Nanoseconds as the cut charges them, surcharges included. */
        double charged() {
            return (cost - bytes) / price;
        }

        /** A time that every choice takes that keeps {@code limit} bytes at most: Lagrange's bound, by weak duality. */
        double leastNanos(long limit) {
            return Math.max(0, (cost - limit) / (price * (1 + LATE_SURCHARGE)));
        }
    }

    /** The choice of the least cost. */
    Choice choose(double price) {
        var cut = new MinCut(vertex[boundary + 1]);
        for (var value : wanted) {
            cut.edge(0, vertexOf(value), MinCut.UNLIMITED);
        }
        for (var i = 0; i <= boundary; i++) {
            var node = graph.nodes().get(i);
            if (isFree(node.op())) {
                continue;
            }
            cut.edge(vertex[i], 1, runAgain(i, price));
            for (var r = 0; r < node.types().size(); r++) {
                var value = new Value(i, r);
                cut.edge(vertexOf(value), vertex[i], keep(value, price));
            }
            for (var operand : node.operands()) {
                if (!isFree(graph.op(operand))) {
                    cut.edge(vertex[i], vertexOf(operand), MinCut.UNLIMITED);
                }
            }
        }
        var atHand = cut.sourceSide(0, 1);
        Set<Value> saved = new HashSet<>();
        var bytes = 0L;
        var time = 0.0;
        var capacity = 0L;
        for (var i = 0; i <= boundary; i++) {
            if (atHand.get(vertex[i])) {
                time += nanos[i];
                capacity += runAgain(i, price);
                continue;
            }
            for (var r = 0; r < graph.nodes().get(i).types().size(); r++) {
                var value = new Value(i, r);
                if (atHand.get(vertexOf(value))) {
                    saved.add(value);
                    bytes += graph.type(value).bytes();
                    time += times.keep(value);
                    capacity += keep(value, price);
                }
            }
        }
        return new Choice(price, saved, bytes, time, (double) capacity / units);
    }

    private long runAgain(int node, double price) {
        var charged = price * (1 + LATE_SURCHARGE * node / (boundary + 1)) * nanos[node];
        return (long) Math.min((double) MinCut.UNLIMITED, units * charged);
    }

    private long keep(Value value, double price) {
        if (!mayKeep(value)) {
            return MinCut.UNLIMITED;
        }
        var charged = graph.type(value).bytes() + price * times.keep(value);
        return (long) Math.min((double) MinCut.UNLIMITED, units * charged);
    }

    private int vertexOf(Value value) {
        return vertex[value.node()] + 1 + value.result();
    }

    /** Inputs and constants are always at hand. */
    static boolean isFree(Op op) {
        return op instanceof Op.Input || op instanceof Op.Constant || op instanceof Op.Iota;
    }

    /** Forward values that the backward pass uses. */
    private Set<Value> wanted() {
        Set<Value> used = new HashSet<>();
        for (var node : graph.nodes().subList(boundary + 1, graph.nodes().size())) {
            node.operands().stream()
                    .filter(v -> v.node() <= boundary && !isFree(graph.op(v)))
                    .forEach(used::add);
        }
        return used;
    }

    /** Keeping a view keeps the tensor it is of. Inside of a recompute region nothing is kept but what leaves it. */
    private boolean mayKeep(Value value) {
        return !(graph.op(value) instanceof Op.View) && (region(value.node()).isEmpty() || outside.contains(value));
    }

    /** What leaves a recompute region, itself or as a view. */
    private Set<Value> usedOutsideOfTheirRegion() {
        Set<Value> used = new HashSet<>();
        for (var i = boundary; i >= 0; i--) {
            var node = graph.nodes().get(i);
            for (var operand : node.operands()) {
                var asView = node.op() instanceof Op.View && used.contains(new Value(i, 0));
                if (asView || !region(operand.node()).equals(region(i))) {
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
