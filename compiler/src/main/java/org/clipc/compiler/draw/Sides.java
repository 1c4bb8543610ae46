package org.clipc.compiler.draw;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;

/**
 * The parts of a graph that work on one of its data inputs alone, such as the two towers of a contrastive model. Drawn in
 * a frame each they stand side by side. Gradients belong where the module they are of does.
 */
final class Sides {

    private static final String BOTH = "";

    private final List<String> sides;
    private final boolean several;

    private Sides(List<String> sides) {
        this.sides = sides;
        several = sides.stream().filter(s -> !s.isEmpty()).distinct().count() > 1;
    }

    static Sides of(Graph graph, Phases phases) {
        var sides = new ArrayList<String>();
        Map<String, String> byPath = new HashMap<>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            var node = graph.nodes().get(i);
            var path = node.location().path();
            String side = null;
            if (node.op() instanceof Op.Input input && input.kind() == InputKind.DATA) {
                side = input.name();
            } else if (phases.of(i) > 0) {
                side = path.isEmpty() ? BOTH : byPath.getOrDefault(path, BOTH);
            } else {
                for (var operand : node.operands()) {
                    var other = sides.get(operand.node());
                    if (other != null) {
                        side = side == null || side.equals(other) ? other : BOTH;
                    }
                }
                if (side != null) {
                    byPath.merge(path, side, (a, b) -> a.equals(b) ? a : BOTH);
                }
            }
            sides.add(side);
        }
        return new Sides(inherited(graph, sides));
    }

    /** What depends on no data, such as a parameter that is reshaped, goes with its first user. */
    private static List<String> inherited(Graph graph, List<String> sides) {
        var users = graph.users();
        for (var i = sides.size() - 1; i >= 0; i--) {
            if (sides.get(i) == null) {
                var first =
                        users.get(i).isEmpty() ? null : sides.get(users.get(i).getFirst());
                sides.set(i, first == null ? BOTH : first);
            }
        }
        return sides;
    }

    boolean several() {
        return several;
    }

    /** Title of the frame that {@code node} belongs in; empty for none. */
    String of(int node) {
        var side = sides.get(node);
        return several && !side.isEmpty() ? "from " + side : "";
    }
}
