package org.clipc.compiler.draw;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.clipc.ir.Graph;

/**
 * The nodes of a graph by phase, side and module path. A numeric part of a path, the index of a repeated module, belongs to the
 * part before it: {@code resblocks.3} is one level.
 */
final class ModuleTree {

    private static final Pattern LEVEL = Pattern.compile("\\.(?![0-9]+(?:\\.|$))");

    private final String name;
    private final Map<String, ModuleTree> children = new LinkedHashMap<>();
    private final List<Integer> nodes = new ArrayList<>();

    private ModuleTree(String name) {
        this.name = name;
    }

    static ModuleTree of(Graph graph, Phases phases, Sides sides) {
        var root = new ModuleTree("");
        for (var i = 0; i < graph.nodes().size(); i++) {
            var at = root;
            if (phases.several()) {
                at = at.child(Phases.NAMES.get(phases.of(i)));
            }
            if (!sides.of(i).isEmpty()) {
                at = at.child(sides.of(i));
            }
            for (var level : levels(graph.nodes().get(i).location().path())) {
                at = at.child(level);
            }
            at.nodes.add(i);
        }
        return root;
    }

    private static List<String> levels(String path) {
        return path.isEmpty() ? List.of() : List.of(LEVEL.split(path));
    }

    private ModuleTree child(String level) {
        return children.computeIfAbsent(level, ModuleTree::new);
    }

    String name() {
        return name;
    }

    List<ModuleTree> children() {
        return List.copyOf(children.values());
    }

    /** The nodes that stand directly in this module. */
    List<Integer> nodes() {
        return nodes;
    }

    /** All nodes in here, in the order of the graph. */
    List<Integer> allNodes() {
        var all = new ArrayList<Integer>();
        collect(all);
        all.sort(null);
        return all;
    }

    private void collect(List<Integer> into) {
        into.addAll(nodes);
        children.values().forEach(c -> c.collect(into));
    }

    int height() {
        return children.values().stream().mapToInt(c -> 1 + c.height()).max().orElse(0);
    }
}
