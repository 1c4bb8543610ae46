package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.recompute.Rematerialize;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.ShapeRules;
import org.clipc.ir.Value;

/**
 * Lowers a graph, node by node, to launches. Data movement becomes views where strides can say it and copies elsewhere;
 * everything else becomes one launch per node, as a rule.
 */
public final class Lowering {

    private final Graph graph;
    private final Emitter emitter = new Emitter();
    private final Map<String, View> inputs = new LinkedHashMap<>();
    private final Values values;
    private final FusionLowering fusions;
    private final GemmLowering gemms;
    private final RowLowering rows;

    private Lowering(Graph graph) {
        this.graph = graph;
        this.values = new Values(graph, emitter, inputs);
        this.fusions = new FusionLowering(emitter, values);
        this.gemms = new GemmLowering(emitter, values);
        this.rows = new RowLowering(graph, emitter, values);
    }

    public static LoweredGraph lower(Graph graph) {
        return new Lowering(graph).run();
    }

    private LoweredGraph run() {
        declareInputs();
        for (var i = 0; i < graph.nodes().size(); i++) {
            var node = graph.nodes().get(i);
            emitter.at(i, describe(node));
            lower(node, i);
        }
        return new LoweredGraph(graph, emitter.buffers(), emitter.steps(), inputs, outputs());
    }

    private static String describe(Node node) {
        var path = node.location().path();
        var op = ShapeRules.describe(node.op()) + (Rematerialize.isRecomputed(node) ? Rematerialize.AGAIN : "");
        return path.isEmpty() ? op : path + ": " + op;
    }

    private void declareInputs() {
        for (var input : graph.inputs()) {
            inputs.put(input.name(), emitter.allocate(role(input.kind()), input.name(), input.type()));
        }
    }

    private static Buffer.Role role(InputKind kind) {
        return switch (kind) {
            case PARAMETER -> Buffer.Role.PARAMETER;
            case STATE, CARRIED -> Buffer.Role.STATE;
            case DATA, SCALAR, OPERAND -> Buffer.Role.WORKSPACE;
        };
    }

    private void lower(Node node, int index) {
        var result = new Value(index, 0);
        switch (node.op()) {
            case Op.Input(var name, var _, var _) -> values.put(result, Objects.requireNonNull(inputs.get(name)));
            case Op.Constant(var _, var number) -> values.putSplat(result, number);
            case Op.View op -> move(op, node.operand(0), result);
            case Op.Iota _, Op.Elementwise _, Op.Uniform _, Op.Reduce _, Op.DotGeneral _ -> {
                var wrapped = Bodies.wrap(node, graph, values);
                fusion(wrapped.kind(), wrapped.body(), wrapped.operands(), index);
            }
            case Op.Fused(var kind, var body) -> fusion(kind, body, node.operands(), index);
            case Op.Pad pad -> pad(pad, node, result);
            case Op.Concat(var axis) -> concat(node, result, axis);
            case Op.RandomSubset _,
                    Op.ArgMax _,
                    Op.Gather _,
                    Op.ScatterAdd _,
                    Op.LayerNorm _,
                    Op.LayerNormGrad _,
                    Op.Softmax _,
                    Op.SoftmaxGrad _,
                    Op.SoftmaxXent _,
                    Op.SoftmaxXentGrad _,
                    Op.Attention _,
                    Op.AttentionGrad _,
                    Op.AdamW _ -> rows.lower(node, index);
            case Op.AllReduce op -> exchange(op, node, index);
            case Op.Permute op -> exchange(op, node, index);
            case Op.AllGather op -> exchangeOfRuns(op, op.dim(), op.parts(), node, index);
            case Op.ReduceScatter op -> exchangeOfRuns(op, op.dim(), op.parts(), node, index);
            case Op.RankSlice _ -> throw new IllegalStateException("slices by rank are expanded before");
            case Op.Replicate _ -> throw new IllegalStateException("what ranks replicate is erased before");
        }
    }

    private void move(Op.View op, Value operand, Value result) {
        var number = values.splat(operand);
        if (number.isPresent()) {
            values.putSplat(result, number.get());
        } else {
            values.put(result, emitter.require(values.view(operand), view -> Views.apply(op, view)));
        }
    }

    private void fusion(FusionKind kind, Graph body, List<Value> operands, int index) {
        var bound = operands.stream().map(values::view).toList();
        var results = new ArrayList<Value>();
        for (var i = 0; i < body.outputs().size(); i++) {
            results.add(new Value(index, i));
        }
        switch (kind) {
            case ELEMENTWISE -> fusions.elementwise(body, bound, results);
            case REDUCE -> fusions.reduce(body, bound, results.getFirst());
            case GEMM -> gemms.gemm(body, bound, results);
        }
    }

    private void exchangeOfRuns(Op.Collective op, int dim, int parts, Node node, int index) {
        if (dim != 0 || parts != 1) {
            throw new IllegalStateException(ShapeRules.describe(op) + " along axis " + dim + " is expanded before");
        }
        exchange(op, node, index);
    }

    private void exchange(Op.Collective op, Node node, int index) {
        var operands =
                node.operands().stream().map(v -> emitter.dense(values.view(v))).toList();
        var results = new ArrayList<View>();
        for (var i = 0; i < node.types().size(); i++) {
            results.add(
                    values.result(new Value(index, i), view -> Optional.of(view).filter(Views::isDense)));
        }
        emitter.exchange(op, operands, results);
    }

    private void pad(Op.Pad pad, Node node, Value result) {
        var operand = values.view(node.operand(0));
        var whole = values.whole(result);
        emitter.fill(whole, pad.value());
        var inside = whole;
        for (var axis = 0; axis < operand.dims().size(); axis++) {
            inside = Views.narrow(inside, axis, pad.low().get(axis), operand.dim(axis));
        }
        emitter.copy(operand, inside);
        values.put(result, whole);
    }

    /** Copies the parts that were not computed in their place. */
    private void concat(Node node, Value result, int axis) {
        var whole = values.whole(result);
        var start = 0;
        for (var operand : node.operands()) {
            var extent = graph.type(operand).dim(axis);
            var place = Views.narrow(whole, axis, start, extent);
            var part = values.view(operand);
            if (!part.equals(place)) {
                emitter.copy(part, place);
            }
            start += extent;
        }
        values.put(result, whole);
    }

    /** Outputs that stand elsewhere than they are expected are copied last, updates after what may read their slots. */
    private Map<String, View> outputs() {
        var outputs = new LinkedHashMap<String, View>();
        for (var output : graph.outputs()) {
            emitter.at(output.value().node(), output.name());
            outputs.put(output.name(), output.updates() == null ? result(output) : values.view(output.value()));
        }
        var staged = new LinkedHashMap<String, View>();
        for (var output : graph.outputs()) {
            if (output.updates() != null) {
                emitter.at(output.value().node(), output.name());
                staged.put(output.name(), stage(output));
            }
        }
        for (var output : graph.outputs()) {
            var from = staged.get(output.name());
            if (from != null) {
                emitter.at(output.value().node(), output.name());
                var slot = Objects.requireNonNull(inputs.get(output.updates()));
                if (!from.equals(slot)) {
                    emitter.copy(from, slot);
                }
                outputs.put(output.name(), slot);
            }
        }
        return outputs;
    }

    /** The value of an update, out of the way of the copies into the other slots. */
    private View stage(Output update) {
        var view = values.view(update.value());
        var slot = Objects.requireNonNull(inputs.get(update.updates()));
        if (view.equals(slot) || emitter.buffers().get(view.buffer()).role() == Buffer.Role.WORKSPACE) {
            return view;
        }
        var copy = emitter.allocate(graph.type(update.value()));
        emitter.copy(view, copy);
        return copy;
    }

    /** A plain result: dense, at the start of a buffer of its own that nothing overwrites. */
    private View result(Output output) {
        var view = values.view(output.value());
        var buffer = emitter.buffers().get(view.buffer());
        var isInput = inputs.values().stream().anyMatch(input -> input.buffer() == view.buffer());
        if (view.offset() == 0 && Views.isDense(view) && !isInput && buffer.role() == Buffer.Role.WORKSPACE) {
            return view;
        }
        var copy = emitter.allocate(graph.type(output.value()));
        emitter.copy(view, copy);
        return copy;
    }
}
