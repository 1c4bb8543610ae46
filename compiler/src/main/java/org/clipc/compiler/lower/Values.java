package org.clipc.compiler.lower;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Graph;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;

/** Where the values of a graph are, as far as it is lowered. */
final class Values {

    private final Graph graph;
    private final Emitter emitter;
    private final Placement placement;
    private final Map<Value, View> views = new HashMap<>();
    private final Map<Value, View> wholes = new HashMap<>();
    private final Map<Value, Double> splats = new HashMap<>();
    private final Map<String, View> inputs;

    Values(Graph graph, Emitter emitter, Map<String, View> inputs) {
        this.graph = graph;
        this.emitter = emitter;
        this.placement = Placement.of(graph);
        this.inputs = inputs;
    }

    /** The tensor of a value. A constant is stored when it is first asked for. */
    View view(Value value) {
        var known = views.get(value);
        if (known != null) {
            return known;
        }
        var number = splat(value).orElseThrow(() -> new IllegalStateException(value + " is not lowered yet"));
        var type = graph.type(value);
        var element = emitter.allocate(TensorType.scalar(type.dtype()));
        emitter.fill(element, number);
        var view = Views.broadcast(element, type.shape(), List.of());
        views.put(value, view);
        return view;
    }

    void put(Value value, View view) {
        views.put(value, view);
    }

    /** The number that all elements of a constant have. */
    Optional<Double> splat(Value value) {
        return Optional.ofNullable(splats.get(value));
    }

    void putSplat(Value value, double number) {
        splats.put(value, number);
    }

    /**
     * A place for a result of the current node, in the layout that its kernel asks for: where the value is wanted if
     * {@code form} can say it, else a new buffer.
     */
    View result(Value value, Function<View, Optional<View>> form) {
        var wanted = destination(value);
        if (form.apply(wanted).isEmpty()) {
            wanted = emitter.allocate(graph.type(value));
        }
        views.put(value, wanted);
        return form.apply(wanted).orElseThrow();
    }

    private View destination(Value value) {
        return switch (placement.get(value)) {
            case null -> emitter.allocate(graph.type(value));
            case Placement.Place.Slot(var input) -> Objects.requireNonNull(inputs.get(input));
            case Placement.Place.Part(var whole, var axis, var start) ->
                Views.narrow(whole(whole), axis, start, graph.type(value).dim(axis));
        };
    }

    /** The result of a concatenation, whose parts may be written long before it is reached. */
    View whole(Value concatenation) {
        var known = wholes.get(concatenation);
        if (known == null) {
            known = destination(concatenation);
            wholes.put(concatenation, known);
        }
        return known;
    }
}
