package org.clipc.compiler.draw;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.shard.ShardedGraph;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * Finds neighbouring modules of one indexed family, such as {@code resblocks.0} to {@code resblocks.11}, that do the
 * same, and lets the first stand for all. Same means: the same ops on the same types, equally spread over the ranks, with
 * the same wiring inside, whatever constants, random streams and parameters.
 */
final class Repeats {

    /** A run of alike modules; its first is drawn. */
    private record Run(String label, int count) {}

    private final ShardedGraph sharded;
    private final Graph graph;
    private final int[] standsFor;
    private final Map<ModuleTree, Run> runs = new HashMap<>();
    private final Map<ModuleTree, List<ModuleTree>> drawn = new HashMap<>();
    /** Per node: pairs of (number of the run, index in it), outermost first. */
    private final List<List<int[]>> iterations = new ArrayList<>();

    private int runCount;

    Repeats(ShardedGraph sharded, ModuleTree root) {
        this.sharded = sharded;
        graph = sharded.graph();
        standsFor = new int[graph.nodes().size()];
        Arrays.setAll(standsFor, i -> i);
        for (var i = 0; i < standsFor.length; i++) {
            iterations.add(new ArrayList<>(2));
        }
        visit(root);
    }

    /** The children of {@code module} that are drawn. */
    List<ModuleTree> children(ModuleTree module) {
        return drawn.getOrDefault(module, List.of());
    }

    /** How {@code module} is called in its parent: {@code resblocks.0…11 ×12} where it stands for several. */
    String label(ModuleTree module) {
        var run = runs.get(module);
        return run == null ? module.name() : run.label;
    }

    int count(ModuleTree module) {
        var run = runs.get(module);
        return run == null ? 1 : run.count;
    }

    /** The node that is drawn in place of {@code node}; itself mostly. */
    int drawn(int node) {
        var at = node;
        while (standsFor[at] != at) {
            at = standsFor[at];
        }
        return at;
    }

    /** Whether two nodes are in different modules of one run: what flows between them is not drawn. */
    boolean carried(int from, int to) {
        for (var a : iterations.get(from)) {
            for (var b : iterations.get(to)) {
                if (a[0] == b[0] && a[1] != b[1]) {
                    return true;
                }
            }
        }
        return false;
    }

    private void visit(ModuleTree module) {
        var shown = new ArrayList<ModuleTree>();
        var children = module.children();
        for (var i = 0; i < children.size(); ) {
            var first = children.get(i);
            var run = new ArrayList<>(List.of(first));
            var signature = family(first).isEmpty() ? "" : signature(first);
            while (i + run.size() < children.size()
                    && follows(run.getLast(), children.get(i + run.size()))
                    && signature.equals(signature(children.get(i + run.size())))) {
                run.add(children.get(i + run.size()));
            }
            if (run.size() > 1) {
                merge(run);
            }
            shown.add(first);
            visit(first);
            i += run.size();
        }
        drawn.put(module, shown);
    }

    private static String family(ModuleTree module) {
        var dot = module.name().lastIndexOf('.');
        return dot < 0 ? "" : module.name().substring(0, dot);
    }

    private static String index(ModuleTree module) {
        return module.name().substring(module.name().lastIndexOf('.') + 1);
    }

    /** Siblings that follow each other in one family, upwards as in a forward pass or downwards as in a backward pass. */
    private static boolean follows(ModuleTree a, ModuleTree b) {
        return !family(a).isEmpty() && family(a).equals(family(b));
    }

    private void merge(List<ModuleTree> run) {
        var first = run.getFirst();
        var label = "%s.%s…%s  ×%d".formatted(family(first), index(first), index(run.getLast()), run.size());
        runs.put(first, new Run(label, run.size()));
        var representatives = first.allNodes();
        for (var k = 0; k < run.size(); k++) {
            var nodes = run.get(k).allNodes();
            for (var i = 0; i < nodes.size(); i++) {
                standsFor[nodes.get(i)] = representatives.get(i);
                iterations.get(nodes.get(i)).add(new int[] {runCount, k});
            }
        }
        runCount++;
    }

    private String signature(ModuleTree module) {
        var nodes = module.allNodes();
        var positions = new HashMap<Integer, Integer>();
        var text = new StringBuilder();
        var own = pathLength(module, nodes);
        for (var index : nodes) {
            positions.put(index, positions.size());
            var node = graph.nodes().get(index);
            var path = node.location().path();
            text.append(path.length() > own ? path.substring(own) : "").append(' ');
            text.append(
                            node.op() instanceof Op.Input || node.op() instanceof Op.Constant
                                    ? "leaf"
                                    : OpText.name(node.op()))
                    .append(node.types())
                    .append(sharded.of(new Value(index, 0)));
            for (var operand : node.operands()) {
                text.append(' ').append(positions.getOrDefault(operand.node(), -1));
            }
            text.append('\n');
        }
        return text.toString();
    }

    /** Length of the path of {@code module} itself, which its name ends. */
    private int pathLength(ModuleTree module, List<Integer> nodes) {
        var path = nodes.isEmpty()
                ? ""
                : graph.nodes().get(nodes.getFirst()).location().path();
        var at = ("." + path + ".").indexOf("." + module.name() + ".");
        return at < 0 ? 0 : at + module.name().length();
    }
}
