package org.clipc.compiler.recompute;

import java.util.HashSet;
import java.util.Set;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * Estimated time that it takes to have forward values in the backward pass, in nanoseconds: either way. Pointwise ops happen
 * in registers of a kernel that runs anyway, so what takes time is the memory that they would not touch otherwise: to write
 * and read what they make again for an op that finds its operands in memory, or to keep what the forward pass had in
 * registers only.
 */
final class KeepTime {

    private final Graph graph;
    private final Set<Value> inForward;
    private final Set<Value> inBackward;

    /** @param boundary index of the forward pass's last node */
    KeepTime(Graph graph, int boundary) {
        this.graph = graph;
        this.inForward = readFromMemory(0, boundary);
        this.inBackward = readFromMemory(boundary + 1, graph.nodes().size() - 1);
    }

    /** Values that some of the nodes read from memory, themselves or as a view. */
    private Set<Value> readFromMemory(int first, int last) {
        Set<Value> read = new HashSet<>();
        for (var i = graph.nodes().size() - 1; i >= 0; i--) {
            var node = graph.nodes().get(i);
            var reads = node.op() instanceof Op.View
                    ? read.contains(new Value(i, 0))
                    : i >= first && i <= last && !isPointwise(node.op());
            if (reads) {
                read.addAll(node.operands());
            }
        }
        return read;
    }

    private static boolean isPointwise(Op op) {
        return op instanceof Op.Elementwise || op instanceof Op.Uniform;
    }

    /** To run the node of this index again. */
    double again(int index) {
        var node = graph.nodes().get(index);
        var nanos = RecomputeTime.nanos(node, graph);
        return isPointwise(node.op()) && inBackward.contains(new Value(index, 0)) ? nanos + memory(node) : nanos;
    }

    /** To keep a value. What a kernel does with its product is in registers, too, until it is rounded, say. */
    double keep(Value value) {
        var node = graph.node(value);
        var isInRegisters = isPointwise(node.op()) || node.op() instanceof Op.DotGeneral;
        return isInRegisters && !inForward.contains(value) ? memory(node) : 0;
    }

    private static double memory(Node node) {
        return 2 * node.type().bytes() / RecomputeTime.BYTES_PER_NANO;
    }
}
