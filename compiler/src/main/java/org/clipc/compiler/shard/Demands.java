package org.clipc.compiler.shard;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * The splits that values end up in: that of the optimizer's state for a gradient, and from there back through what keeps
 * elements where they are. What is a sum over ranks is best completed in this form.
 */
final class Demands {

    private final Graph graph;
    private final int ranks;
    private final Map<Value, Split> wanted = new HashMap<>();

    private Demands(Graph graph, int ranks) {
        this.graph = graph;
        this.ranks = ranks;
    }

    static Demands of(Graph graph, int ranks, Function<Op.Input, Sharding> inputs) {
        var demands = new Demands(graph, ranks);
        for (var i = graph.nodes().size() - 1; i >= 0; i--) {
            var node = graph.nodes().get(i);
            var split = demands.wanted.get(new Value(i, 0));
            if (node.op() instanceof Op.AdamW
                    && graph.op(node.operand(2)) instanceof Op.Input moment
                    && inputs.apply(moment) instanceof Split ofState) {
                demands.want(node.operand(1), ofState);
            } else if (split != null) {
                demands.operands(i, split);
            }
        }
        return demands;
    }

    Optional<Split> of(Value value) {
        return Optional.ofNullable(wanted.get(value));
    }

    private void want(Value value, Split split) {
        if (split.fits(graph.type(value), ranks)) {
            wanted.putIfAbsent(value, split);
        }
    }

    private void operands(int index, Split split) {
        var node = graph.nodes().get(index);
        switch (node.op()) {
            case Op.Elementwise _, Op.AllReduce _ -> node.operands().forEach(operand -> want(operand, split));
            case Op.Reshape(var shape) ->
                Relayout.reshape(split, shape, graph.type(node.operand(0)).shape(), ranks)
                        .ifPresent(from -> want(node.operand(0), from));
            case Op.Transpose(var permutation) ->
                want(node.operand(0), new Split(permutation.get(split.axis()), split.parts()));
            default -> {}
        }
    }
}
