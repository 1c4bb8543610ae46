package org.clipc.compiler.draw;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.clipc.compiler.config.ByteSize;
import org.clipc.compiler.draw.Diagram.Arrow;
import org.clipc.compiler.draw.Diagram.Box;
import org.clipc.compiler.draw.Diagram.Kind;
import org.clipc.compiler.draw.Diagram.Module;
import org.clipc.compiler.draw.Diagram.Tag;
import org.clipc.compiler.shard.ShardedGraph;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/**
 * What of a graph is drawn: one box per op down to a depth of module nesting, and one per module below it. Of alike
 * repeated modules the first stands for all; parameters and constants become lines in the boxes that use them; many like
 * ops side by side in one module, such as the updates of all parameters, become one box. Of a graph that ranks share, boxes
 * and arrows say how values are spread over them.
 */
public final class GraphDiagram {

    /** The deepest picture with at most this many boxes is what {@link #of(Graph)} draws. */
    public static final int COMFORTABLE = 160;

    /** More boxes than this are not laid out in reasonable time, nor read by anybody. */
    public static final int MOST = 1500;

    private static final int STACK = 12;
    private static final int HOVER_LINES = 60;
    private static final int OPERAND_LINES = 3;

    private final ShardedGraph sharded;
    private final Graph graph;
    private final int depth;
    private final Repeats repeats;
    private final Folding folding;
    private final Phases phases;
    private final Map<Integer, Integer> boxOf = new HashMap<>();
    private int boxes;
    private int ids;

    private GraphDiagram(ShardedGraph sharded, Phases phases, Repeats repeats, Folding folding, int depth) {
        this.sharded = sharded;
        graph = sharded.graph();
        this.phases = phases;
        this.depth = depth;
        this.repeats = repeats;
        this.folding = folding;
    }

    /** The graph in as much detail as fits {@link #COMFORTABLE} boxes. */
    public static Diagram of(Graph graph) {
        return of(ShardedGraph.whole(graph));
    }

    /** Likewise, and how its values are spread over the ranks. */
    public static Diagram of(ShardedGraph graph) {
        return of(graph, Integer.MAX_VALUE, COMFORTABLE);
    }

    /**
     * The graph with modules opened down to {@code depth} levels; 0 opens none. Where that makes more than {@link #MOST}
     * boxes it is drawn less deep, which the subtitle says.
     */
    public static Diagram of(Graph graph, int depth) {
        return of(ShardedGraph.whole(graph), depth);
    }

    /** Likewise, and how its values are spread over the ranks. */
    public static Diagram of(ShardedGraph graph, int depth) {
        return of(graph, depth, MOST);
    }

    private static Diagram of(ShardedGraph sharded, int depth, int most) {
        var graph = sharded.graph();
        var phases = Phases.of(graph);
        var sides = Sides.of(graph, phases);
        var tree = ModuleTree.of(graph, phases, sides);
        var repeats = new Repeats(sharded, tree);
        var folding = new Folding(graph);
        // Phases and sides are levels that are always open.
        var offset = (phases.several() ? 1 : 0) + (sides.several() ? 1 : 0);
        var height = tree.height() - offset;
        for (var d = Math.min(depth, height); ; d--) {
            var diagram = new GraphDiagram(sharded, phases, repeats, folding, d + offset);
            var root = diagram.module(tree, 0);
            if (diagram.boxes <= most || d <= 0) {
                return diagram.finish(root, d < height ? "modules opened to depth " + d : "");
            }
        }
    }

    private Diagram finish(Module root, String note) {
        var pills = new ArrayList<>(root.boxes());
        var arrows = arrows();
        arrows.addAll(phaseArrows(root));
        for (var output : graph.outputs()) {
            if (isShown(output)) {
                var from = boxOf.get(repeats.drawn(output.value().node()));
                var pill = new Box(
                        ids++,
                        Kind.INPUT,
                        List.of(output.name()),
                        List.of(),
                        "output " + output.name() + ": " + graph.type(output.value()));
                pills.add(pill);
                if (from != null) {
                    var type = type(output.value());
                    arrows.add(new Arrow(from, pill.id(), type, type, spread(List.of(output.value()))));
                }
            }
        }
        var size = graph.nodes().size() + " nodes";
        return new Diagram(
                graph.name(),
                note.isEmpty() ? size : size + ", " + note,
                new Module(root.id(), "", root.modules(), pills),
                arrows);
    }

    /** Gradients and new values of parameters are as many as parameters: nobody wants an arrow for each. */
    private static boolean isShown(Output output) {
        return output.updates() == null && !output.name().startsWith("grad.");
    }

    private Module module(ModuleTree tree, int level) {
        var modules = new ArrayList<Module>();
        var inside = new ArrayList<Box>();
        for (var child : repeats.children(tree)) {
            var label = repeats.label(child);
            if (level >= depth) {
                box(child, label).ifPresent(inside::add);
                continue;
            }
            var grown = module(child, level + 1);
            // A module that only wraps another one is not worth a frame of its own.
            if (grown.boxes().isEmpty() && grown.modules().size() == 1) {
                var only = grown.modules().getFirst();
                modules.add(new Module(only.id(), label + "." + only.label(), only.modules(), only.boxes()));
            } else if (!grown.boxes().isEmpty() || !grown.modules().isEmpty()) {
                modules.add(new Module(grown.id(), label, grown.modules(), grown.boxes()));
            }
        }
        inside.addAll(0, opBoxes(tree));
        return new Module(ids++, "", modules, inside);
    }

    private List<Box> opBoxes(ModuleTree tree) {
        var shown = tree.nodes().stream().filter(i -> !folding.folded(i)).toList();
        var alike = shown.stream().collect(Collectors.groupingBy(this::opName));
        var result = new ArrayList<Box>();
        for (var node : shown) {
            var same = alike.getOrDefault(opName(node), List.of());
            if (same.size() <= STACK) {
                result.add(opBox(List.of(node)));
            } else if (same.getFirst().equals(node)) {
                result.add(opBox(same));
            }
        }
        return result;
    }

    private String opName(int node) {
        return OpText.name(graph.nodes().get(node).op());
    }

    private Box opBox(List<Integer> nodes) {
        var node = graph.nodes().get(nodes.getFirst());
        var lines = new ArrayList<String>();
        var hover = nodes.stream().flatMap(i -> hover(i).stream()).toList();
        if (nodes.size() > 1) {
            lines.add(OpText.name(node.op()) + "  ×" + nodes.size());
        } else {
            lines.add(OpText.name(node.op()));
            if (node.op() instanceof Op.Input input) {
                lines.add(
                        input.kind() == InputKind.DATA
                                ? "input"
                                : input.kind().name().toLowerCase(Locale.ROOT));
            }
            var detail = OpText.detail(node.op());
            if (!detail.isEmpty()) {
                lines.add(detail);
            }
            var operands = folding.operands(node);
            if (node.op() instanceof Op.AdamW) {
                operands = operands.subList(0, Math.min(1, operands.size()));
            }
            operands.stream().limit(OPERAND_LINES).forEach(lines::add);
            if (operands.size() > OPERAND_LINES) {
                lines.add("+ " + (operands.size() - OPERAND_LINES) + " more");
            }
        }
        var tags = nodes.size() == 1 ? tags(nodes.getFirst()) : List.<Tag>of();
        return register(new Box(ids++, OpText.kind(node.op()), lines, tags, text(hover)), nodes);
    }

    /** Of the parameters that are not whole on every rank, and of the first result. */
    private List<Tag> tags(int index) {
        var tags = new ArrayList<Tag>();
        var node = graph.nodes().get(index);
        for (var behind : folding.behind(node)) {
            var value = new Value(behind, 0);
            var spread = Spread.of(sharded.of(value));
            if (graph.op(value) instanceof Op.Input input && spread != Spread.REPLICATED) {
                tags.add(new Tag(spread, Folding.lastName(input) + ": " + Spread.text(sharded.of(value))));
            }
        }
        var shown = tags.size() > OPERAND_LINES ? tags.subList(0, OPERAND_LINES) : tags;
        var result = new Value(index, 0);
        if (!sharded.of(result).isEmpty()) {
            shown.add(new Tag(Spread.of(sharded.of(result)), Spread.text(sharded.of(result))));
        }
        return shown;
    }

    private Optional<Box> box(ModuleTree module, String label) {
        var ops = module.allNodes().stream().filter(i -> !folding.folded(i)).toList();
        if (ops.isEmpty()) {
            return Optional.empty();
        }
        var lines = new ArrayList<String>();
        lines.add(label);
        lines.add(ops.size() + (ops.size() == 1 ? " op" : " ops"));
        var parameters = parameters(ops);
        if (parameters > 0) {
            lines.add(count(parameters) + " parameters");
        }
        var exchanges = ops.stream()
                .filter(i -> OpText.kind(graph.nodes().get(i).op()) == Kind.COLLECTIVE)
                .count();
        if (exchanges > 0) {
            lines.add(exchanges + (exchanges == 1 ? " exchange" : " exchanges") + " between ranks");
        }
        var hover = new ArrayList<>(List.of(label));
        ops.forEach(i -> hover.add(line(i)));
        var box = register(new Box(ids++, Kind.MODULE, lines, List.of(), text(hover)), ops);
        return Optional.of(box);
    }

    private long parameters(List<Integer> nodes) {
        var seen = new HashSet<Integer>();
        return nodes.stream()
                .flatMap(i -> folding.behind(graph.nodes().get(i)).stream())
                .filter(seen::add)
                .map(i -> graph.nodes().get(i))
                .filter(n -> n.op() instanceof Op.Input input && input.kind() == InputKind.PARAMETER)
                .mapToLong(n -> n.type().elements())
                .sum();
    }

    static String count(long n) {
        if (n < 10_000) {
            return String.valueOf(n);
        }
        return n < 1_000_000
                ? String.format(Locale.ROOT, "%.1f k", n / 1e3)
                : String.format(Locale.ROOT, "%.2f M", n / 1e6);
    }

    private Box register(Box box, List<Integer> nodes) {
        nodes.forEach(i -> boxOf.put(i, box.id()));
        boxes++;
        return box;
    }

    private List<String> hover(int index) {
        var node = graph.nodes().get(index);
        var lines = new ArrayList<String>();
        if (!node.location().path().isEmpty()) {
            lines.add("in " + node.location().path());
        }
        lines.add(line(index));
        folding.behind(node).forEach(behind -> lines.add("  with " + line(behind)));
        return lines;
    }

    /** All of a node, and how its first result is spread. */
    private String line(int index) {
        var spread = sharded.of(new Value(index, 0));
        return OpText.line(index, graph.nodes().get(index)) + (spread.isEmpty() ? "" : "  " + Spread.text(spread));
    }

    /** The type of a value, and how it is spread where that is known. */
    private String type(Value value) {
        var spread = sharded.of(value);
        return graph.type(value) + (spread.isEmpty() ? "" : ", " + Spread.text(spread));
    }

    /** What values that flow together have in common. */
    private @Nullable Spread spread(Collection<Value> values) {
        var spreads = values.stream()
                .map(sharded::of)
                .map(s -> s.isEmpty() ? Optional.<Spread>empty() : Optional.of(Spread.of(s)))
                .distinct()
                .toList();
        return spreads.size() == 1 ? spreads.getFirst().orElse(null) : null;
    }

    private static String text(List<String> lines) {
        var shown = lines.stream().limit(HOVER_LINES).collect(Collectors.joining("\n"));
        return lines.size() > HOVER_LINES ? shown + "\n… and " + (lines.size() - HOVER_LINES) + " more" : shown;
    }

    /** Not from one phase to the next, nor from one repeated module to the next. */
    private boolean flows(int from, int to) {
        return phases.of(from) == phases.of(to) && !repeats.carried(from, to);
    }

    /** From each phase to the next one arrow for all the tensors that it keeps for it. */
    private List<Arrow> phaseArrows(Module root) {
        var arrows = new ArrayList<Arrow>();
        for (var phase = 1; phases.several() && phase < Phases.NAMES.size(); phase++) {
            var from = named(root, Phases.NAMES.get(phase - 1));
            var to = named(root, Phases.NAMES.get(phase));
            if (from.isPresent() && to.isPresent()) {
                var kept = kept(phase - 1, phase);
                var bytes = kept.stream().mapToLong(v -> graph.type(v).bytes()).sum();
                var label = "%d %s, %s".formatted(kept.size(), Phases.HANDED.get(phase - 1), ByteSize.format(bytes));
                arrows.add(new Arrow(from.get().id(), to.get().id(), label, label, null));
            }
        }
        return arrows;
    }

    private static Optional<Module> named(Module root, String phase) {
        return root.modules().stream()
                .filter(m -> m.label().equals(phase) || m.label().startsWith(phase + "."))
                .findFirst();
    }

    private Set<Value> kept(int from, int to) {
        var kept = new LinkedHashSet<Value>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            if (phases.of(i) == to) {
                graph.nodes().get(i).operands().stream()
                        .filter(o -> phases.of(o.node()) == from && !folding.folded(o.node()))
                        .forEach(kept::add);
            }
        }
        return kept;
    }

    /** One arrow per pair of boxes, labelled with the type that flows; a type is said once per box it comes from. */
    private List<Arrow> arrows() {
        var flows = new LinkedHashMap<List<Integer>, Set<Value>>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            var to = boxOf.get(repeats.drawn(i));
            for (var operand : graph.nodes().get(i).operands()) {
                var from = boxOf.get(repeats.drawn(operand.node()));
                if (from != null && to != null && !from.equals(to) && flows(operand.node(), i)) {
                    flows.computeIfAbsent(List.of(from, to), _ -> new LinkedHashSet<>())
                            .add(operand);
                }
            }
        }
        var said = new HashSet<String>();
        var arrows = new ArrayList<Arrow>();
        flows.forEach((ends, values) -> {
            var types = values.stream().map(this::type).distinct().toList();
            var label = types.size() == 1 ? types.getFirst() : types.size() + " tensors";
            var fresh = said.add(ends.getFirst() + " " + label);
            arrows.add(new Arrow(ends.getFirst(), ends.getLast(), fresh ? label : "", text(types), spread(values)));
        });
        return arrows;
    }
}
