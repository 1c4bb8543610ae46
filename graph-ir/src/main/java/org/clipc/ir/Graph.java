package org.clipc.ir;

import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * A tensor program in static single assignment form. {@code nodes} is in topological order and that order is the
 * schedule. Immutable: passes build a new graph with {@link GraphBuilder}. Two graphs are equal when they print alike.
 */
public record Graph(String name, List<Node> nodes, List<Output> outputs) {

    public Graph {
        nodes = List.copyOf(nodes);
        outputs = List.copyOf(outputs);
    }

    public Node node(Value value) {
        return nodes.get(value.node());
    }

    public Op op(Value value) {
        return node(value).op();
    }

    public TensorType type(Value value) {
        return node(value).types().get(value.result());
    }

    /** All inputs, in order. */
    public List<Op.Input> inputs() {
        return nodes.stream()
                .map(Node::op)
                .filter(Op.Input.class::isInstance)
                .map(Op.Input.class::cast)
                .toList();
    }

    /** @throws NoSuchElementException if no output has that name */
    public Output output(String outputName) {
        return outputs.stream()
                .filter(o -> o.name().equals(outputName))
                .findFirst()
                .orElseThrow(() -> new NoSuchElementException("graph " + name + " has no output " + outputName));
    }

    /** For each node, the indices of the nodes that use one of its results, ascending and without repeats. */
    public List<List<Integer>> users() {
        var users = new ArrayList<List<Integer>>(nodes.size());
        for (var i = 0; i < nodes.size(); i++) {
            users.add(new ArrayList<>());
            for (var operand : nodes.get(i).operands()) {
                var list = users.get(operand.node());
                if (list.isEmpty() || list.getLast() != i) {
                    list.add(i);
                }
            }
        }
        return users;
    }
}
