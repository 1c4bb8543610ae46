package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/**
 * Which values are best computed straight into a place that exists already: the slot of the input that they replace,
 * or their part of a concatenation. What has no such place gets a buffer of its own.
 */
final class Placement {

    /** Where a value goes. */
    sealed interface Place {

        /** In place of the graph's input of that name. */
        record Slot(String input) implements Place {}

        /** In the result of a concatenation, from {@code start} on along its axis. */
        record Part(Value whole, int axis, int start) implements Place {}
    }

    private final Graph graph;
    private final Map<Value, Place> places = new HashMap<>();
    private final Map<Value, List<Integer>> readers = new HashMap<>();

    private Placement(Graph graph) {
        this.graph = graph;
    }

    static Placement of(Graph graph) {
        var placement = new Placement(graph);
        placement.collectReaders();
        placement.placeUpdates();
        placement.placeParts();
        return placement;
    }

    @Nullable
    Place get(Value value) {
        return places.get(value);
    }

    private Value root(Value value) {
        var root = value;
        while (graph.op(root) instanceof Op.View) {
            root = graph.node(root).operand(0);
        }
        return root;
    }

    private void collectReaders() {
        var nodes = graph.nodes();
        for (var i = 0; i < nodes.size(); i++) {
            if (!(nodes.get(i).op() instanceof Op.View)) {
                for (var operand : nodes.get(i).operands()) {
                    readers.computeIfAbsent(root(operand), _ -> new ArrayList<>())
                            .add(i);
                }
            }
        }
    }

    private void placeUpdates() {
        var inputs = new HashMap<String, Value>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            if (graph.nodes().get(i).op() instanceof Op.Input(var name, var _, var _)) {
                inputs.put(name, new Value(i, 0));
            }
        }
        Set<Value> readAtTheEnd = new HashSet<>();
        graph.outputs().forEach(output -> readAtTheEnd.add(root(output.value())));
        for (var output : graph.outputs()) {
            if (output.updates() == null) {
                continue;
            }
            var slot = inputs.get(output.updates());
            if (slot != null && !readAtTheEnd.contains(slot) && mayOverwrite(output, slot)) {
                places.putIfAbsent(output.value(), new Place.Slot(output.updates()));
            }
        }
    }

    /** Whether nothing reads the old value of {@code slot} once the new one is there. */
    private boolean mayOverwrite(Output output, Value slot) {
        var writer = output.value().node();
        var op = graph.op(output.value());
        var readsFirst = switch (op) {
            case Op.Elementwise _, Op.AdamW _ -> true;
            // A product's epilogue reads an element before it stores that element; whether the product itself reads the
            // slot is for its lowering to see.
            case Op.Fused(var kind, var _) -> kind != FusionKind.REDUCE;
            default -> false;
        };
        var computes = !(op instanceof Op.View || op instanceof Op.Input || op instanceof Op.Constant);
        return computes
                && readers.getOrDefault(slot, List.of()).stream()
                        .allMatch(reader -> reader < writer || (reader == writer && readsFirst));
    }

    private void placeParts() {
        Set<Value> outputs = new HashSet<>();
        graph.outputs().forEach(output -> outputs.add(output.value()));
        var users = graph.users();
        for (var i = 0; i < graph.nodes().size(); i++) {
            var node = graph.nodes().get(i);
            var whole = new Value(i, 0);
            if (!(node.op() instanceof Op.Concat(var axis)) || places.get(whole) instanceof Place.Slot) {
                continue;
            }
            var start = 0;
            for (var part : node.operands()) {
                var extent = graph.type(part).dim(axis);
                var readHereOnly = users.get(part.node()).equals(List.of(i))
                        && node.operands().stream().filter(part::equals).count() == 1;
                if (readHereOnly && !outputs.contains(part) && writesAnywhere(graph.op(part))) {
                    places.putIfAbsent(part, new Place.Part(whole, axis, start));
                }
                start += extent;
            }
        }
    }

    private static boolean writesAnywhere(Op op) {
        return !(op instanceof Op.View
                || op instanceof Op.Input
                || op instanceof Op.Constant
                || op instanceof Op.AdamW);
    }
}
