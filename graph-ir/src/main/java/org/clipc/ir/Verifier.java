package org.clipc.ir;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Says what a legal graph is: operands come before their users, types are those of {@link ShapeRules}, inputs and
 * outputs have distinct names, collectives agree on how many ranks an axis has, {@code updates} names a parameter, state or
 * carried input ({@link InputKind#outlivesARun}) of the value's type, each at most once, and bodies of {@link Op.Fused}
 * are legal, with inputs of kind {@code OPERAND} named 0, 1, … and outputs named likewise.
 */
public final class Verifier {

    private final Graph graph;
    private final boolean body;
    private final List<String> problems = new ArrayList<>();
    private final Map<String, Op.Input> inputsByName = new HashMap<>();
    private final Map<MeshAxis, Integer> sizes = new EnumMap<>(MeshAxis.class);

    private Verifier(Graph graph, boolean body) {
        this.graph = graph;
        this.body = body;
    }

    /** What is wrong with the graph, in order; nothing if it is legal. */
    public static List<String> verify(Graph graph) {
        return new Verifier(graph, false).run();
    }

    /**
     * Returns a legal graph as it is.
     *
     * @throws IllegalArgumentException with all problems if it is not legal
     */
    public static Graph check(Graph graph) {
        var problems = verify(graph);
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException("graph " + graph.name() + ":\n  " + String.join("\n  ", problems));
        }
        return graph;
    }

    private List<String> run() {
        for (var i = 0; i < graph.nodes().size(); i++) {
            node(i, graph.nodes().get(i));
        }
        inputs();
        outputs();
        return problems;
    }

    private void node(int index, Node node) {
        var label = "%" + index + " = " + ShapeRules.describe(node.op()) + ": ";
        if (node.op() instanceof Op.Collective collective) {
            collective(label, collective);
        }
        if (node.op() instanceof Op.Fused(var _, var fusedBody)) {
            new Verifier(fusedBody, true).run().forEach(problem -> problems.add(label + "in its body: " + problem));
        }
        for (var operand : node.operands()) {
            if (!exists(operand, index)) {
                problems.add(label + operand + " is not defined before");
                return;
            }
        }
        try {
            var expected = ShapeRules.infer(
                    node.op(), node.operands().stream().map(graph::type).toList());
            if (!expected.equals(node.types())) {
                problems.add(label + "its types are " + node.types() + " and should be " + expected);
            }
        } catch (ShapeException e) {
            problems.add(label + e.getMessage());
        }
    }

    private void collective(String label, Op.Collective op) {
        var axis = op.axis();
        var size = op.size();
        var known = sizes.putIfAbsent(axis, size);
        if (known != null && known != size) {
            problems.add(label + "it counts " + size + " ranks along " + axis.text() + ", others " + known);
        }
        if (body) {
            problems.add(label + "collectives cannot be in a body");
        }
    }

    private boolean exists(Value value, int before) {
        return value.node() >= 0
                && value.node() < before
                && value.result() >= 0
                && value.result() < graph.node(value).types().size();
    }

    private void inputs() {
        var inputs = graph.inputs();
        for (var i = 0; i < inputs.size(); i++) {
            var input = inputs.get(i);
            if (inputsByName.put(input.name(), input) != null) {
                problems.add("two inputs are named " + input.name());
            }
            if (body != (input.kind() == InputKind.OPERAND)) {
                problems.add("input " + input.name() + " is of kind " + input.kind());
            }
            if (body && !input.name().equals(String.valueOf(i))) {
                problems.add("input " + i + " of the body is named " + input.name());
            }
        }
    }

    private void outputs() {
        var names = new HashSet<String>();
        var updated = new HashSet<String>();
        for (var i = 0; i < graph.outputs().size(); i++) {
            var output = graph.outputs().get(i);
            if (!names.add(output.name())) {
                problems.add("two outputs are named " + output.name());
            }
            if (body && !output.name().equals(String.valueOf(i))) {
                problems.add("output " + i + " of the body is named " + output.name());
            }
            if (exists(output.value(), graph.nodes().size())) {
                update(output, updated);
            } else {
                problems.add("output " + output.name() + " is " + output.value() + ", which does not exist");
            }
        }
    }

    private void update(Output output, Set<String> updated) {
        var target = output.updates();
        if (target == null) {
            return;
        }
        var input = inputsByName.get(target);
        var label = "output " + output.name() + " updates " + target + ", ";
        if (input == null || !input.kind().outlivesARun()) {
            problems.add(label + "which is no parameter, state or carried input");
        } else if (!input.type().equals(graph.type(output.value()))) {
            problems.add(label + "which is " + input.type() + ", with a " + graph.type(output.value()));
        }
        if (!updated.add(target)) {
            problems.add(label + "which another output updates too");
        }
    }
}
