package org.clipc.compiler.explain;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.clipc.ir.Graph;
import org.clipc.ir.MatrixFlops;

/**
 * Parameters and arithmetic by module, as a tree. Modules of one indexed family ({@code resblocks.0}, {@code
 * resblocks.1}, …) are one row that sums them.
 */
final class ModuleCosts {

    private static final Pattern LEVEL = Pattern.compile("\\.(?![0-9]+(?:\\.|$))");
    private static final Pattern INDEXED = Pattern.compile("(.+)\\.([0-9]+)");

    /**
     * A line of the tree.
     *
     * @param depth 0 for the outermost modules
     * @param count how many modules of a family it sums; 1 for a module of its own
     * @param parameters elements
     * @param flops of one sample's forward pass
     */
    record Row(String name, int depth, int count, long parameters, long flops) {}

    private final String name;
    private final Map<String, ModuleCosts> children = new LinkedHashMap<>();
    private int count = 1;
    private long parameters;
    private long flops;

    ModuleCosts() {
        this("");
    }

    private ModuleCosts(String name) {
        this.name = name;
    }

    void parameter(String path, long elements) {
        at(path).parameters += elements;
    }

    /** Counts the nodes of a graph where they are computed. */
    void flops(Graph graph) {
        for (var node : graph.nodes()) {
            var work = MatrixFlops.of(graph, node);
            if (work > 0) {
                at(node.location().path()).flops += work;
            }
        }
    }

    private ModuleCosts at(String path) {
        var module = this;
        if (!path.isEmpty()) {
            for (var level : LEVEL.split(path, -1)) {
                var indexed = INDEXED.matcher(level);
                if (indexed.matches()) {
                    module = module.children.computeIfAbsent(indexed.group(1), name -> new ModuleCosts(name));
                    module.count = Math.max(module.count, Integer.parseInt(indexed.group(2)) + 1);
                } else {
                    module = module.children.computeIfAbsent(level, name -> new ModuleCosts(name));
                }
            }
        }
        return module;
    }

    /** The tree in the order of the source, down to {@code depth}. */
    List<Row> rows(int depth) {
        var rows = new ArrayList<Row>();
        for (var child : children.values()) {
            child.rows(child.name, 0, depth, rows);
        }
        return rows;
    }

    private void rows(String label, int level, int depth, List<Row> into) {
        // What only wraps one module is one line with it.
        if (children.size() == 1 && parameters == 0 && flops == 0 && count == 1) {
            var only = children.values().iterator().next();
            only.rows(label + "." + only.name, level, depth, into);
            return;
        }
        into.add(new Row(label, level, count, allParameters(), allFlops()));
        // A layer of parameters only, such as a norm, is one line.
        if (level < depth && children.values().stream().anyMatch(c -> !c.children.isEmpty())) {
            children.values().forEach(c -> c.rows(c.name, level + 1, depth, into));
        }
    }

    private long allParameters() {
        return parameters
                + children.values().stream()
                        .mapToLong(ModuleCosts::allParameters)
                        .sum();
    }

    private long allFlops() {
        return flops
                + children.values().stream().mapToLong(ModuleCosts::allFlops).sum();
    }
}
