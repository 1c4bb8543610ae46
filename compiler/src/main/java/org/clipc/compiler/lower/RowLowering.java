package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/** The named ops, which have a kernel template each. */
final class RowLowering {

    private final Graph graph;
    private final Emitter emitter;
    private final Values values;

    RowLowering(Graph graph, Emitter emitter, Values values) {
        this.graph = graph;
        this.emitter = emitter;
        this.values = values;
    }

    /** @param index of {@code node} in its graph */
    void lower(Node node, int index) {
        switch (node.op()) {
            case Op.LayerNorm(var epsilon) -> {
                var x = rows(node, 0);
                var gain = vector(node, 1);
                var bias = vector(node, 2);
                emitter.launch(
                        new KernelSpec.LayerNorm(x.dtype(), gain.dtype(), bias.dtype()),
                        List.of(x, gain, bias),
                        List.of(rowsOf(index, 0), vectorOf(index, 1), vectorOf(index, 2)),
                        List.of(epsilon));
            }
            case Op.LayerNormGrad _ -> {
                var x = rows(node, 1);
                var gain = vector(node, 2);
                var spec = new KernelSpec.LayerNormGrad(x.dtype(), gain.dtype());
                emitter.launch(
                        spec,
                        List.of(rows(node, 0), x, gain, vector(node, 3), vector(node, 4)),
                        List.of(rowsOf(index, 0), vectorOf(index, 1), vectorOf(index, 2)),
                        List.of());
            }
            case Op.Softmax _ -> {
                var x = rows(node, 0);
                emitter.launch(new KernelSpec.Softmax(x.dtype()), List.of(x), List.of(rowsOf(index, 0)), List.of());
            }
            case Op.SoftmaxGrad _ -> {
                var dy = rows(node, 0);
                var spec = new KernelSpec.SoftmaxGrad(dy.dtype());
                emitter.launch(spec, List.of(dy, rows(node, 1)), List.of(rowsOf(index, 0)), List.of());
            }
            case Op.SoftmaxXent _ -> {
                var logits = rows(node, 0);
                emitter.launch(
                        new KernelSpec.SoftmaxXent(logits.dtype()),
                        List.of(logits, vector(node, 1)),
                        List.of(vectorOf(index, 0), vectorOf(index, 1)),
                        List.of());
            }
            case Op.SoftmaxXentGrad _ -> {
                var logits = rows(node, 1);
                emitter.launch(
                        new KernelSpec.SoftmaxXentGrad(logits.dtype()),
                        List.of(vector(node, 0), logits, vector(node, 2), vector(node, 3)),
                        List.of(rowsOf(index, 0)),
                        List.of());
            }
            case Op.Attention attention -> attention(attention, node, index);
            case Op.AttentionGrad attention -> attentionGrad(attention, node, index);
            case Op.ArgMax(var axis) -> argMax(node, index, axis);
            case Op.Gather(var batchDims) -> gather(node, index, batchDims);
            case Op.ScatterAdd(var batchDims, var _) -> scatterAdd(node, index, batchDims);
            case Op.RandomSubset(var _, var _, var from, var stream) ->
                emitter.launch(
                        new KernelSpec.RandomSubset(graph.type(node.operand(0)).elements() > 2),
                        List.of(vector(node, 0)),
                        List.of(rowsOf(index, 0)),
                        List.of((double) from, (double) stream));
            case Op.AdamW adamW -> adamW(adamW, node, index);
            case Op.Input _,
                    Op.Constant _,
                    Op.Iota _,
                    Op.Elementwise _,
                    Op.Uniform _,
                    Op.View _,
                    Op.Pad _,
                    Op.Concat _,
                    Op.Reduce _,
                    Op.DotGeneral _,
                    Op.Fused _,
                    Op.Collective _,
                    Op.RankSlice _,
                    Op.Replicate _ -> throw new IllegalArgumentException(node.op() + " has no kernel of its own");
        }
    }

    private void attention(Op.Attention op, Node node, int index) {
        var q = heads(node, 0, op.heads());
        var inputs = new ArrayList<>(List.of(q, heads(node, 1, op.heads()), heads(node, 2, op.heads())));
        if (op.dropout() > 0) {
            inputs.add(vector(node, 3));
        }
        emitter.launch(
                new KernelSpec.Attention(q.dtype(), op.causal(), op.dropout() > 0),
                inputs,
                List.of(headsOf(index, 0, op.heads()), denseOf(index, 1)),
                List.of(op.scale(), op.dropout(), (double) op.stream()));
    }

    private void attentionGrad(Op.AttentionGrad op, Node node, int index) {
        var inputs = new ArrayList<View>();
        for (var i = 0; i < 5; i++) {
            inputs.add(heads(node, i, op.heads()));
        }
        inputs.add(emitter.dense(values.view(node.operand(5))));
        if (op.dropout() > 0) {
            inputs.add(vector(node, 6));
        }
        emitter.launch(
                new KernelSpec.AttentionGrad(inputs.getFirst().dtype(), op.causal(), op.dropout() > 0),
                inputs,
                List.of(headsOf(index, 0, op.heads()), headsOf(index, 1, op.heads()), headsOf(index, 2, op.heads())),
                List.of(op.scale(), op.dropout(), (double) op.stream()));
    }

    private void argMax(Node node, int index, int axis) {
        var x = values.view(node.operand(0));
        var order = new ArrayList<>(Views.axes(0, x.dims().size()));
        order.remove(Integer.valueOf(axis));
        order.add(axis);
        var rows = emitter.require(Views.transpose(x, order), v -> rowMatrix(v, 1));
        emitter.launch(new KernelSpec.ArgMax(x.dtype()), List.of(rows), List.of(vectorOf(index, 0)), List.of());
    }

    private void gather(Node node, int index, int batchDims) {
        var indices = node.operand(1);
        var dtype = graph.type(node.operand(0)).dtype();
        var rank = graph.type(indices).rank();
        emitter.launch(
                new KernelSpec.Gather(dtype),
                List.of(blocks(values.view(node.operand(0)), batchDims, batchDims + 1), indexRows(indices, batchDims)),
                List.of(result(index, 0, v -> blockMatrix(v, batchDims, rank))),
                List.of());
    }

    private void scatterAdd(Node node, int index, int batchDims) {
        var indices = node.operand(1);
        var dtype = graph.type(node.operand(0)).dtype();
        var rank = graph.type(indices).rank();
        emitter.launch(
                new KernelSpec.ScatterAdd(dtype),
                List.of(blocks(values.view(node.operand(0)), batchDims, rank), indexRows(indices, batchDims)),
                List.of(result(index, 0, v -> blockMatrix(v, batchDims, batchDims + 1))),
                List.of());
    }

    /** The kernel works in place: what it does not find there is copied there first. */
    private void adamW(Op.AdamW op, Node node, int index) {
        var gradient = vector(node, 1);
        var scalars = List.of(scalar(node, 4), scalar(node, 5), scalar(node, 6));
        var outputs = new ArrayList<View>();
        var operands = List.of(0, 2, 3);
        for (var i = 0; i < operands.size(); i++) {
            var old = emitter.dense(values.view(node.operand(operands.get(i))));
            var updated = result(index, i, v -> Views.isDense(v) ? Optional.of(v) : Optional.empty());
            if (!updated.equals(old)) {
                emitter.copy(old, updated);
            }
            outputs.add(flat(updated).orElseThrow());
        }
        var inputs = new ArrayList<View>();
        inputs.add(outputs.get(0));
        inputs.add(gradient);
        inputs.add(outputs.get(1));
        inputs.add(outputs.get(2));
        inputs.addAll(scalars);
        emitter.launch(
                new KernelSpec.AdamW(outputs.getFirst().dtype(), gradient.dtype()),
                inputs,
                outputs,
                List.of(op.beta1(), op.beta2(), op.epsilon(), op.weightDecay()));
    }

    private View scalar(Node node, int operand) {
        return values.view(node.operand(operand));
    }

    private View rows(Node node, int operand) {
        return emitter.require(values.view(node.operand(operand)), v -> rowMatrix(v, 1));
    }

    private View rowsOf(int node, int result) {
        return result(node, result, v -> rowMatrix(v, 1));
    }

    private View vector(Node node, int operand) {
        return emitter.require(values.view(node.operand(operand)), RowLowering::flat);
    }

    private View vectorOf(int node, int result) {
        return result(node, result, RowLowering::flat);
    }

    private View denseOf(int node, int result) {
        return result(node, result, v -> Views.isDense(v) ? Optional.of(v) : Optional.empty());
    }

    private View result(int node, int result, Function<View, Optional<View>> form) {
        return values.result(new Value(node, result), form);
    }

    private View heads(Node node, int operand, int heads) {
        return emitter.require(values.view(node.operand(operand)), v -> splitHeads(v, heads));
    }

    private View headsOf(int node, int result, int heads) {
        return result(node, result, v -> splitHeads(v, heads));
    }

    /** [b, s, heads·d] as [b, s, heads, d]. */
    private static Optional<View> splitHeads(View view, int heads) {
        var width = view.dim(2) / heads;
        if (view.stride(2) != 1 && view.dim(2) != 1) {
            return Optional.empty();
        }
        return Optional.of(Views.with(
                view,
                List.of(view.dim(0), view.dim(1), heads, width),
                List.of(view.stride(0), view.stride(1), (long) width, 1L)));
    }

    private View blocks(View view, int firstAxes, int secondEnd) {
        return emitter.require(view, v -> blockMatrix(v, firstAxes, secondEnd));
    }

    private View indexRows(Value indices, int batchDims) {
        var rank = graph.type(indices).rank();
        return emitter.require(
                values.view(indices),
                v -> Views.collapse(v, List.of(Views.axes(0, batchDims), Views.axes(batchDims, rank)))
                        .filter(m -> m.stride(1) == 1));
    }

    /** Axes [0, first), [first, second) and the rest as one axis each, the last with unit stride. */
    private static Optional<View> blockMatrix(View view, int first, int second) {
        var groups = List.of(
                Views.axes(0, first),
                Views.axes(first, second),
                Views.axes(second, view.dims().size()));
        return Views.collapse(view, groups).filter(v -> v.stride(2) == 1);
    }

    /** All but the {@code inner} last axes as rows. */
    private static Optional<View> rowMatrix(View view, int inner) {
        var rank = view.dims().size();
        return Views.collapse(view, List.of(Views.axes(0, rank - inner), Views.axes(rank - inner, rank)))
                .filter(v -> v.stride(1) == 1);
    }

    private static Optional<View> flat(View view) {
        return Views.collapse(view, List.of(Views.axes(0, view.dims().size()))).filter(v -> v.stride(0) == 1);
    }
}
