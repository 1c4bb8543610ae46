package org.clipc.compiler.draw;

import java.util.BitSet;
import java.util.List;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;
import org.clipc.program.EntryPoint;

/**
 * The parts of a training graph: what the loss needs is the forward pass, what the gradients need beyond that the
 * backward pass, and the rest the update. A graph without gradients has one phase.
 */
final class Phases {

    static final List<String> NAMES = List.of("forward", "backward", "update");

    /** What each phase but the last hands to the next. */
    static final List<String> HANDED = List.of("saved tensors", "gradients");

    private final BitSet forward;
    private final BitSet backward;

    private Phases(BitSet forward, BitSet backward) {
        this.forward = forward;
        this.backward = backward;
    }

    static Phases of(Graph graph) {
        var forward = new BitSet();
        var backward = new BitSet();
        var loss = graph.outputs().stream()
                .filter(o -> o.name().equals(EntryPoint.LOSS))
                .findFirst();
        var optimizes = graph.nodes().stream().anyMatch(n -> n.op() instanceof Op.AdamW);
        var gradients = graph.outputs().stream()
                .filter(o -> o.name().startsWith("grad."))
                .toList();
        if (loss.isEmpty() || (!optimizes && gradients.isEmpty())) {
            forward.set(0, graph.nodes().size());
            return new Phases(forward, backward);
        }
        mark(graph, loss.get().value(), forward);
        gradients.forEach(o -> mark(graph, o.value(), backward));
        graph.nodes().stream()
                .filter(n -> n.op() instanceof Op.AdamW)
                .forEach(n -> mark(graph, n.operand(1), backward));
        backward.andNot(forward);
        return new Phases(forward, backward);
    }

    private static void mark(Graph graph, Value value, BitSet marked) {
        // Operands precede their users, so one sweep downwards reaches all.
        marked.set(value.node());
        for (var i = value.node(); i >= 0; i--) {
            if (marked.get(i)) {
                graph.nodes().get(i).operands().forEach(o -> marked.set(o.node()));
            }
        }
    }

    boolean several() {
        return !backward.isEmpty();
    }

    /** Index into {@link #NAMES}. */
    int of(int node) {
        return forward.get(node) ? 0 : backward.get(node) ? 1 : 2;
    }
}
