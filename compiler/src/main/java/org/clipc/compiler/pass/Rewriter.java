package org.clipc.compiler.pass;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;

/**
 * Builds a graph anew, offering every op to a list of rules first and giving equal ops one node. Since operands are
 * rewritten before their users, a rule meets operands that no rule applies to any more.
 *
 * <p>Nodes of different recompute regions stay apart, so that what is computed again is not merged with what was
 * computed first; constants and index tensors cost nothing and are always shared.
 */
final class Rewriter {

    /** Replaces an op with one result, or leaves it to the next rule. Makes replacements by {@link Rewriter#add}. */
    @FunctionalInterface
    interface Rule {
        Optional<Value> apply(Op op, List<Value> operands, Rewriter r);
    }

    private record Key(Op op, List<Value> operands, String recompute) {}

    private final List<Rule> rules;
    private final GraphBuilder b;
    private final Map<Key, List<Value>> known = new HashMap<>();

    private Rewriter(String name, List<Rule> rules) {
        this.rules = rules;
        b = new GraphBuilder(name);
    }

    static Graph rewrite(Graph graph, List<Rule> rules) {
        var r = new Rewriter(graph.name(), rules);
        var values = new ArrayList<List<Value>>(graph.nodes().size());
        for (var node : graph.nodes()) {
            r.b.at(node.location());
            var operands =
                    node.operands().stream().map(v -> replaced(v, values)).toList();
            values.add(r.addAll(node.op(), operands));
        }
        for (var output : graph.outputs()) {
            r.b.output(new Output(output.name(), replaced(output.value(), values), output.updates()));
        }
        return r.b.build();
    }

    private static Value replaced(Value value, List<List<Value>> values) {
        return values.get(value.node()).get(value.result());
    }

    private List<Value> addAll(Op op, List<Value> operands) {
        for (var rule : rules) {
            var replacement = rule.apply(op, operands, this);
            if (replacement.isPresent()) {
                return List.of(replacement.get());
            }
        }
        var free = op instanceof Op.Constant || op instanceof Op.Iota;
        var key = new Key(op, operands, free ? "" : b.location().recompute());
        var existing = known.get(key);
        if (existing == null) {
            existing = b.addAll(op, operands);
            known.put(key, existing);
        }
        return existing;
    }

    /** The first result of an op, after rewriting. */
    Value add(Op op, Value... operands) {
        return add(op, List.of(operands));
    }

    Value add(Op op, List<Value> operands) {
        return addAll(op, operands).getFirst();
    }

    Value constant(TensorType type, double value) {
        return add(new Op.Constant(type, value));
    }

    Value reshape(Value x, Shape shape) {
        return add(new Op.Reshape(shape), x);
    }

    Op op(Value value) {
        return b.node(value).op();
    }

    /** The operand of the node that computes {@code value}. */
    Value operand(Value value, int i) {
        return b.node(value).operand(i);
    }

    List<Value> operands(Value value) {
        return b.node(value).operands();
    }

    TensorType type(Value value) {
        return b.type(value);
    }

    Shape shape(Value value) {
        return b.shape(value);
    }

    /** The number that fills {@code value}, if it is a constant. */
    OptionalDouble constant(Value value) {
        return op(value) instanceof Op.Constant(var _, var number) ? OptionalDouble.of(number) : OptionalDouble.empty();
    }

    boolean isConstant(Value value, double number) {
        return op(value) instanceof Op.Constant(var _, var n) && n == number;
    }
}
