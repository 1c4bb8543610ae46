package org.clipc.ir.text;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.clipc.ir.Graph;
import org.clipc.ir.Location;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Output;

/**
 * Writes a graph as text, one node to a line:
 *
 * <pre>
 * graph "mlp" {
 *   %0 = input.data {name = "x", type = f32[2,3]}
 *   %1 = input.parameter {name = "w", type = f32[4,3]}
 *   %2 = dot_general(%0, %1) {lhsBatch = [], rhsBatch = [], lhsContract = [1], rhsContract = [1]} : f32[2,4] @ "mlp" "mlp.clip:3"
 *   output "y" = %2
 * }
 * </pre>
 *
 * The strings after {@code @} are the location's path, source and recompute region. Reading the text back with
 * {@link GraphParser} gives an equal graph.
 */
public final class GraphPrinter {

    private static final String INDENT = "  ";

    private final StringBuilder text = new StringBuilder();

    private GraphPrinter() {}

    /** The text of {@code graph}, ending with a newline. */
    public static String print(Graph graph) {
        var printer = new GraphPrinter();
        printer.graph(graph, "");
        return printer.text.append('\n').toString();
    }

    private void graph(Graph graph, String indent) {
        text.append("graph ").append(quote(graph.name())).append(" {\n");
        for (var i = 0; i < graph.nodes().size(); i++) {
            text.append(indent).append(INDENT).append('%').append(i).append(" = ");
            node(graph.nodes().get(i), indent + INDENT);
            text.append('\n');
        }
        graph.outputs().forEach(output -> output(output, indent + INDENT));
        text.append(indent).append('}');
    }

    private void node(Node node, String indent) {
        var syntax = OpSyntax.of(node.op());
        text.append(syntax.name());
        syntax.suffixes().forEach(c -> text.append('.').append(lower(OpSyntax.get(node.op(), c))));
        if (!node.operands().isEmpty()) {
            text.append(join(node.operands(), "(", ")"));
        }
        attributes(node.op(), syntax, indent);
        if (!node.operands().isEmpty()) {
            text.append(join(node.types(), " : ", ""));
        }
        location(node.location());
    }

    private void attributes(Op op, OpSyntax syntax, String indent) {
        var separator = " {";
        for (var component : syntax.attributes()) {
            text.append(separator).append(component.getName()).append(" = ");
            value(OpSyntax.get(op, component), indent);
            separator = ", ";
        }
        text.append(syntax.attributes().isEmpty() ? "" : "}");
    }

    private void value(Object value, String indent) {
        switch (value) {
            case String string -> text.append(quote(string));
            case List<?> list ->
                text.append(list.stream().map(String::valueOf).collect(Collectors.joining(",", "[", "]")));
            case Graph body -> graph(body, indent);
            default -> text.append(value);
        }
    }

    private void location(Location location) {
        if (!location.equals(Location.NONE)) {
            text.append(" @ ").append(quote(location.path()));
            if (!location.source().isEmpty() || !location.recompute().isEmpty()) {
                text.append(' ').append(quote(location.source()));
            }
            if (!location.recompute().isEmpty()) {
                text.append(' ').append(quote(location.recompute()));
            }
        }
    }

    private void output(Output output, String indent) {
        text.append(indent)
                .append("output ")
                .append(quote(output.name()))
                .append(" = ")
                .append(output.value());
        if (output.updates() != null) {
            text.append(" updates ").append(quote(output.updates()));
        }
        text.append('\n');
    }

    private static String join(List<?> items, String before, String behind) {
        return items.stream().map(String::valueOf).collect(Collectors.joining(", ", before, behind));
    }

    private static String lower(Object constant) {
        return constant.toString().toLowerCase(Locale.ROOT);
    }

    private static String quote(String string) {
        var quoted = new StringBuilder("\"");
        for (var i = 0; i < string.length(); i++) {
            var c = string.charAt(i);
            switch (c) {
                case '"', '\\' -> quoted.append('\\').append(c);
                case '\n' -> quoted.append("\\n");
                case '\t' -> quoted.append("\\t");
                default -> {
                    if (Character.isISOControl(c) || Character.isSurrogate(c)) {
                        quoted.append("\\u%04x".formatted((int) c));
                    } else {
                        quoted.append(c);
                    }
                }
            }
        }
        return quoted.append('"').toString();
    }
}
