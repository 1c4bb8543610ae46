package org.clipc.compiler.pass;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;

/** Drops nodes that no output needs. Inputs stay: they are the graph's signature. */
public final class DeadCode implements Pass {

    @Override
    public String name() {
        return "dead-code";
    }

    @Override
    public Graph apply(Graph graph) {
        var live = live(graph);
        var b = new GraphBuilder(graph.name());
        var moved = new HashMap<Integer, Integer>();
        for (var i = live.nextSetBit(0); i >= 0; i = live.nextSetBit(i + 1)) {
            var node = graph.nodes().get(i);
            moved.put(i, b.size());
            var operands = node.operands().stream().map(v -> move(v, moved)).toList();
            b.at(node.location()).addAll(node.op(), operands);
        }
        for (var output : graph.outputs()) {
            b.output(new Output(output.name(), move(output.value(), moved), output.updates()));
        }
        return b.build();
    }

    private static BitSet live(Graph graph) {
        var live = new BitSet(graph.nodes().size());
        graph.outputs().forEach(output -> live.set(output.value().node()));
        for (var i = graph.nodes().size() - 1; i >= 0; i--) {
            var node = graph.nodes().get(i);
            if (live.get(i)) {
                node.operands().forEach(operand -> live.set(operand.node()));
            } else if (node.op() instanceof Op.Input) {
                live.set(i);
            }
        }
        return live;
    }

    private static Value move(Value value, Map<Integer, Integer> moved) {
        return new Value(moved.getOrDefault(value.node(), -1), value.result());
    }
}
