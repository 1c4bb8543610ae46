package org.clipc.compiler.draw;

import java.util.ArrayList;
import java.util.List;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * Which nodes get no box of their own but a line in the boxes that use them: parameters, constants and scalars, and what
 * only reshapes, broadcasts or converts one of these.
 */
final class Folding {

    private final Graph graph;
    private final String[] lines;

    Folding(Graph graph) {
        this.graph = graph;
        lines = new String[graph.nodes().size()];
        var users = graph.users();
        for (var i = 0; i < lines.length; i++) {
            lines[i] = users.get(i).isEmpty() ? "" : line(graph.nodes().get(i));
        }
        for (var output : graph.outputs()) {
            lines[output.value().node()] = "";
        }
    }

    /** Whether {@code node} is drawn as a line in the boxes of its users. */
    boolean folded(int node) {
        return !lines[node].isEmpty();
    }

    /** Lines of the folded operands of {@code node}. */
    List<String> operands(Node node) {
        var result = new ArrayList<String>();
        for (var operand : node.operands()) {
            if (folded(operand.node()) && !result.contains(lines[operand.node()])) {
                result.add(lines[operand.node()]);
            }
        }
        return result;
    }

    /** The folded nodes that {@code node} stands for too, itself not included. */
    List<Integer> behind(Node node) {
        var result = new ArrayList<Integer>();
        for (var operand : node.operands()) {
            behind(operand, result);
        }
        return result;
    }

    private void behind(Value value, List<Integer> into) {
        if (folded(value.node()) && !into.contains(value.node())) {
            graph.node(value).operands().forEach(o -> behind(o, into));
            into.add(value.node());
        }
    }

    /** The name of an input without the path of its module. */
    static String lastName(Op.Input input) {
        return input.name().substring(input.name().lastIndexOf('.') + 1);
    }

    private String line(Node node) {
        return switch (node.op()) {
            case Op.Input input
            when input.kind() == InputKind.PARAMETER || input.kind() == InputKind.STATE ->
                lastName(input) + " " + input.type().shape();
            case Op.Input input when input.kind() == InputKind.SCALAR -> input.name();
            case Op.Constant constant -> OpText.number(constant.value());
            case Op.Broadcast _, Op.Reshape _, Op.Transpose _, Op.Convert _ ->
                lines[node.operand(0).node()];
            default -> "";
        };
    }
}
