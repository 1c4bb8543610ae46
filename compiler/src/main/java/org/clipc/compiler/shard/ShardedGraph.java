package org.clipc.compiler.shard;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;

/**
 * A graph as each rank runs it, and how the tensors that it computes parts of are spread over the ranks.
 *
 * @param shardings by value, along each axis that the graph was divided along; what only helps to cut or to mask other
 *     values, such as a rank's coordinate, is missing
 */
public record ShardedGraph(Graph graph, Map<Value, Map<MeshAxis, Sharding>> shardings) {

    public ShardedGraph {
        shardings = Collections.unmodifiableMap(new HashMap<>(shardings));
    }

    /** A graph that is not divided. */
    public static ShardedGraph whole(Graph graph) {
        return new ShardedGraph(graph, Map.of());
    }

    /** How a value is spread, by axis in the order of the axes; empty if that is not known. */
    public Map<MeshAxis, Sharding> of(Value value) {
        return shardings.getOrDefault(value, Map.of());
    }

    /** The same without what no output needs. Inputs stay. */
    public ShardedGraph withoutUnused() {
        var used = used();
        var b = new GraphBuilder(graph.name());
        Map<Value, Value> values = new HashMap<>();
        Map<Value, Map<MeshAxis, Sharding>> kept = new HashMap<>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            var node = graph.nodes().get(i);
            if (!used.get(i)) {
                continue;
            }
            List<Value> operands = new ArrayList<>();
            node.operands().forEach(v -> operands.add(Objects.requireNonNull(values.get(v))));
            var results = b.at(node.location()).addAll(node.op(), operands);
            for (var r = 0; r < results.size(); r++) {
                var value = new Value(i, r);
                values.put(value, results.get(r));
                if (shardings.containsKey(value)) {
                    kept.put(results.get(r), of(value));
                }
            }
        }
        graph.outputs()
                .forEach(o ->
                        b.output(new Output(o.name(), Objects.requireNonNull(values.get(o.value())), o.updates())));
        return new ShardedGraph(b.build(), kept);
    }

    private BitSet used() {
        var used = new BitSet();
        graph.outputs().forEach(o -> used.set(o.value().node()));
        for (var i = graph.nodes().size() - 1; i >= 0; i--) {
            var node = graph.nodes().get(i);
            if (node.op() instanceof Op.Input) {
                used.set(i);
            }
            if (used.get(i)) {
                node.operands().forEach(v -> used.set(v.node()));
            }
        }
        return used;
    }
}
