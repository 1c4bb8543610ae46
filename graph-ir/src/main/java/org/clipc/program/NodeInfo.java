package org.clipc.program;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.ShapeRules;

/**
 * What people want to know of a node of an entry point's graph.
 *
 * @param op what it computes, as the graph's text form spells it; of a fusion, what was fused, such as {@code
 *     dot_general+add+tanh}
 * @param path the module instance that it is part of, such as {@code visual.transformer.resblocks.3.mlp}; empty at the root
 * @param source file and line of the model, such as {@code vision.clip:41}; empty if a pass made it
 */
public record NodeInfo(String op, String path, String source) {

    /** Fused ops that a name lists. */
    private static final int MOST_LISTED = 4;

    static List<NodeInfo> of(Graph graph) {
        return graph.nodes().stream()
                .map(node -> new NodeInfo(
                        name(node), node.location().path(), node.location().source()))
                .toList();
    }

    private static String name(Node node) {
        return node.op() instanceof Op.Fused(var kind, var body) ? fused(kind, body) : spell(node.op());
    }

    private static String fused(FusionKind kind, Graph body) {
        var names = body.nodes().stream()
                .map(Node::op)
                .filter(NodeInfo::computes)
                .map(NodeInfo::spell)
                .distinct()
                .toList();
        if (names.isEmpty()) {
            return "copy";
        }
        // A gemm's product comes first, whatever its operands take.
        var product = kind == FusionKind.GEMM
                ? names.stream().filter("dot_general"::equals)
                : names.stream().limit(0);
        var listed = Stream.concat(product, names.stream()).distinct().toList();
        var text = listed.stream().limit(MOST_LISTED).collect(Collectors.joining("+"));
        return listed.size() > MOST_LISTED ? text + "+…" : text;
    }

    private static boolean computes(Op op) {
        return switch (op) {
            case Op.Input _, Op.Constant _, Op.View _, Op.Convert _ -> false;
            default -> true;
        };
    }

    /** Functions by their own names: {@code exp} rather than {@code unary}. */
    private static String spell(Op op) {
        return switch (op) {
            case Op.Unary(var fn) -> lower(fn);
            case Op.Binary(var fn) -> lower(fn);
            case Op.Reduce(var fn, var _) -> "reduce_" + lower(fn);
            default -> ShapeRules.describe(op);
        };
    }

    private static String lower(Enum<?> fn) {
        return fn.name().toLowerCase(Locale.ROOT);
    }
}
