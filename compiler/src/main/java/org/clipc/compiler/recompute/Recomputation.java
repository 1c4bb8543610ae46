package org.clipc.compiler.recompute;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Location;
import org.clipc.ir.Node;
import org.clipc.ir.Output;
import org.clipc.ir.Value;

/**
 * Rewrites a graph so that its backward pass uses only {@code saved} values of the forward pass. What else it needs is
 * computed again, just before the first use, by copies of the forward nodes: the same ops on the same operands, so the
 * same bits. The copies are marked with the recompute region {@value #REGION}, so that nothing merges them again.
 */
final class Recomputation {

    static final String REGION = "again";

    private final Graph graph;
    private final int boundary;
    private final Set<Value> saved;
    private final GraphBuilder b;
    private final Map<Value, Value> first = new HashMap<>();
    private final Map<Value, Value> again = new HashMap<>();

    private Recomputation(Graph graph, int boundary, Set<Value> saved) {
        this.graph = graph;
        this.boundary = boundary;
        this.saved = saved;
        b = new GraphBuilder(graph.name());
    }

    static Graph apply(Graph graph, int boundary, Set<Value> saved) {
        return new Recomputation(graph, boundary, saved).run();
    }

    private Graph run() {
        for (var i = 0; i < graph.nodes().size(); i++) {
            var node = graph.nodes().get(i);
            var operands = new ArrayList<Value>();
            for (var operand : node.operands()) {
                operands.add(i > boundary ? late(operand) : known(operand));
            }
            emit(i, node, operands, node.location(), first);
        }
        graph.outputs().forEach(o -> b.output(new Output(o.name(), known(o.value()), o.updates())));
        return b.build();
    }

    private Value known(Value value) {
        return Objects.requireNonNull(first.get(value));
    }

    /** A value as the backward pass has it. */
    private Value late(Value value) {
        if (value.node() > boundary || saved.contains(value) || SavedValues.isFree(graph.op(value))) {
            return known(value);
        }
        var done = again.get(value);
        if (done == null) {
            var node = graph.node(value);
            var operands = new ArrayList<Value>();
            node.operands().forEach(operand -> operands.add(late(operand)));
            var here = node.location();
            emit(value.node(), node, operands, new Location(here.path(), here.source(), REGION), again);
            done = Objects.requireNonNull(again.get(value));
        }
        return done;
    }

    private void emit(int index, Node node, List<Value> operands, Location location, Map<Value, Value> results) {
        var values = b.at(location).addAll(node.op(), operands);
        for (var r = 0; r < values.size(); r++) {
            results.put(new Value(index, r), values.get(r));
        }
    }
}
