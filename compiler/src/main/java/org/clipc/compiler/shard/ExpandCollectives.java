package org.clipc.compiler.shard;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.pass.Pass;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Shape;
import org.clipc.ir.Value;

/**
 * Leaves only collectives whose shards are runs of elements, which is what libraries exchange, by moving the axis that is
 * cut to the front; and takes a rank's shard by indexing.
 */
public final class ExpandCollectives implements Pass {

    private static final List<Integer> SWAPPED = List.of(1, 0, 2);

    @Override
    public String name() {
        return "expand-collectives";
    }

    @Override
    public Graph apply(Graph graph) {
        var b = new GraphBuilder(graph.name());
        Map<Value, Value> values = new HashMap<>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            var node = graph.nodes().get(i);
            var operands = node.operands().stream()
                    .map(v -> Objects.requireNonNull(values.get(v)))
                    .toList();
            var results = expand(b.at(node.location()), node, operands);
            for (var r = 0; r < results.size(); r++) {
                values.put(new Value(i, r), results.get(r));
            }
        }
        graph.outputs()
                .forEach(o ->
                        b.output(new Output(o.name(), Objects.requireNonNull(values.get(o.value())), o.updates())));
        return b.build();
    }

    private static List<Value> expand(GraphBuilder b, Node node, List<Value> operands) {
        return switch (node.op()) {
            case Op.RankSlice slice -> List.of(slice(b, slice, operands.get(0), operands.get(1), node));
            case Op.AllGather(var axis, var size, var dim, var parts)
            when dim != 0 || parts != 1 -> {
                var results = new ArrayList<Value>();
                for (var i = 0; i < operands.size(); i++) {
                    var whole = node.types().get(i).shape();
                    var turns = turns(whole, dim, parts);
                    var run = b.reshape(operands.get(i), Shape.of(turns, run(whole, turns, size)));
                    var gathered = b.add(new Op.AllGather(axis, size, 0, 1), run);
                    var apart = b.reshape(gathered, Shape.of(size, turns, run(whole, turns, size)));
                    results.add(b.reshape(b.transpose(apart, SWAPPED), whole));
                }
                yield results;
            }
            case Op.ReduceScatter(var axis, var size, var dim, var parts)
            when dim != 0 || parts != 1 -> {
                var results = new ArrayList<Value>();
                for (var i = 0; i < operands.size(); i++) {
                    var whole = b.shape(operands.get(i));
                    var turns = turns(whole, dim, parts);
                    var run = run(whole, turns, size);
                    var apart = b.transpose(b.reshape(operands.get(i), Shape.of(turns, size, run)), SWAPPED);
                    var rows = b.reshape(apart, Shape.of(size * turns, run));
                    var scattered = b.add(new Op.ReduceScatter(axis, size, 0, 1), rows);
                    results.add(b.reshape(scattered, node.types().get(i).shape()));
                }
                yield results;
            }
            default -> b.addAll(node.op(), operands);
        };
    }

    private static Value slice(GraphBuilder b, Op.RankSlice op, Value x, Value rank, Node node) {
        var whole = b.shape(x);
        var turns = turns(whole, op.dim(), op.parts());
        var rows = b.reshape(x, Shape.of(turns, op.size(), run(whole, turns, op.size())));
        var index = b.broadcast(rank, Shape.of(turns, 1), List.of());
        return b.reshape(b.add(new Op.Gather(1), rows, index), node.type().shape());
    }

    /** How often ranks take turns in the row-major order of the whole tensor's elements. */
    private static int turns(Shape whole, int dim, int parts) {
        return Math.toIntExact(whole.elements(0, dim) * parts);
    }

    /** Elements that a rank has each time. */
    private static int run(Shape whole, int turns, int size) {
        return Math.toIntExact(whole.elements() / turns / size);
    }
}
