package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * Contractions, with the elementwise work on their results, as batched matrix products. Free axes are joined to rows and
 * columns, contracted axes to one, batch axes to at most two; an operand whose strides do not allow that is copied.
 */
final class GemmLowering {

    private final Emitter emitter;
    private final Values values;

    GemmLowering(Emitter emitter, Values values) {
        this.emitter = emitter;
        this.values = values;
    }

    /** @param results the values of the graph that the body's outputs are */
    void gemm(Graph body, List<View> bound, List<Value> results) {
        var dotValue = dotValue(body);
        var dot = (Op.DotGeneral) body.op(dotValue);
        var reader = new BodyReader(emitter, body, bound, 1);
        reader.give(dotValue, new Expr.Arg(0, body.type(dotValue).dtype()));
        var expressions =
                body.outputs().stream().map(o -> reader.read(o.value())).toList();
        var lhs = reader.view(body.node(dotValue).operand(0));
        var rhs = reader.view(body.node(dotValue).operand(1));
        var matrices = new Matrices(dot, lhs, rhs);

        // Every view as [batch axes…, row, column].
        var laidOut = new ArrayList<View>();
        laidOut.add(emitter.require(matrices.lhs(), v -> unitStride(matrices.lhsMatrix(v))));
        laidOut.add(emitter.require(matrices.rhs(), v -> unitStride(matrices.rhsMatrix(v))));
        var operands = reader.operands();
        for (var i = 0; i < operands.size(); i++) {
            laidOut.add(reader.isSeed(i) ? operands.get(i) : emitter.require(operands.get(i), matrices::resultMatrix));
        }
        var groups = joinBatches(laidOut, matrices.batches(), i -> i < 2 || !reader.isSeed(i - 2));
        for (var i = 0; i < laidOut.size(); i++) {
            if (i < 2 || !reader.isSeed(i - 2)) {
                laidOut.set(i, Views.collapse(laidOut.get(i), groups).orElseThrow());
            }
        }

        var outputs = new ArrayList<View>();
        var specs = new ArrayList<KernelSpec.Result>();
        for (var i = 0; i < results.size(); i++) {
            var output = values.result(
                    results.get(i),
                    view -> matrices.resultMatrix(view)
                            .filter(v -> v.strides().getLast() == 1)
                            .flatMap(v -> Views.collapse(v, groups))
                            .filter(v -> mayWrite(v, laidOut, results.size())));
            outputs.add(output);
            specs.add(new KernelSpec.Result(output.dtype(), expressions.get(i)));
        }
        var a = laidOut.get(0);
        var b = laidOut.get(1);
        var spec = new KernelSpec.Gemm(
                a.dtype(),
                b.dtype(),
                a.stride(3) == 1,
                b.stride(3) == 1,
                reader.accesses(laidOut.subList(2, laidOut.size())),
                specs);
        emitter.launch(spec, laidOut, outputs, reader.attributes());
    }

    /** A single result may replace an operand of the epilogue that is walked in step with it. */
    private static boolean mayWrite(View output, List<View> inputs, int results) {
        for (var i = 0; i < inputs.size(); i++) {
            var inStep = i >= 2 && results == 1 && inputs.get(i).equals(output);
            if (inputs.get(i).buffer() == output.buffer() && !inStep) {
                return false;
            }
        }
        return true;
    }

    private static Value dotValue(Graph body) {
        return IntStream.range(0, body.nodes().size())
                .filter(i -> body.nodes().get(i).op() instanceof Op.DotGeneral)
                .mapToObj(i -> new Value(i, 0))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("a gemm fusion holds no dot_general"));
    }

    /** Kernels read operands of a product with unit stride along the row or the column. */
    private static Optional<View> unitStride(Optional<View> matrix) {
        return matrix.filter(v -> {
            var rank = v.dims().size();
            return v.stride(rank - 1) == 1 || v.stride(rank - 2) == 1;
        });
    }

    /**
     * Groups for {@link Views#collapse} that leave four axes. Views that stand in the way are replaced by dense copies.
     */
    private List<List<Integer>> joinBatches(List<View> views, int batches, IntPredicate isTensor) {
        var tensors = IntStream.range(0, views.size()).filter(isTensor).toArray();
        var groups = batchGroups(views, tensors, batches);
        if (groups.size() > 2) {
            for (var i : tensors) {
                if (batchGroups(views, new int[] {i}, batches).size() > 1) {
                    views.set(i, emitter.dense(views.get(i)));
                }
            }
            groups = batchGroups(views, tensors, batches);
        }
        var all = new ArrayList<>(groups);
        while (all.size() < 2) {
            all.addFirst(List.of());
        }
        all.add(List.of(batches));
        all.add(List.of(batches + 1));
        return all;
    }

    private static List<List<Integer>> batchGroups(List<View> views, int[] tensors, int batches) {
        var groups = new ArrayList<List<Integer>>();
        var open = -1;
        for (var axis = 0; axis < batches; axis++) {
            if (views.getFirst().dim(axis) == 1) {
                continue;
            }
            var inner = axis;
            var outer = open;
            if (open >= 0 && IntStream.of(tensors).allMatch(i -> Views.mergeable(views.get(i), outer, inner))) {
                groups.getLast().add(axis);
            } else {
                groups.add(new ArrayList<>(List.of(axis)));
            }
            open = axis;
        }
        return groups;
    }

    /** The axes of a contraction by what they are to the matrix product. */
    private static final class Matrices {

        private final List<Integer> lhsFree;
        private final List<Integer> rhsFree;
        private final int batches;
        private final int contracted;
        private final View lhs;
        private final View rhs;

        Matrices(Op.DotGeneral dot, View lhs, View rhs) {
            lhsFree = free(lhs, dot.lhsBatch(), dot.lhsContract());
            rhsFree = free(rhs, dot.rhsBatch(), dot.rhsContract());
            batches = dot.lhsBatch().size();
            contracted = dot.lhsContract().size();
            // In an order that does not depend on how operands lie: it decides how sums round.
            var order = IntStream.range(0, contracted)
                    .boxed()
                    .sorted(Comparator.comparingInt(dot.lhsContract()::get))
                    .toList();
            var lhsContract = order.stream().map(dot.lhsContract()::get).toList();
            var rhsContract = order.stream().map(dot.rhsContract()::get).toList();
            this.lhs = Views.transpose(lhs, join(dot.lhsBatch(), lhsFree, lhsContract));
            this.rhs = Views.transpose(rhs, join(dot.rhsBatch(), rhsContract, rhsFree));
        }

        private static List<Integer> free(View view, List<Integer> batch, List<Integer> contract) {
            return Views.axes(0, view.dims().size()).stream()
                    .filter(axis -> !batch.contains(axis) && !contract.contains(axis))
                    .toList();
        }

        private static List<Integer> join(List<Integer> a, List<Integer> b, List<Integer> c) {
            var all = new ArrayList<>(a);
            all.addAll(b);
            all.addAll(c);
            return all;
        }

        int batches() {
            return batches;
        }

        /** [batch…, free…, contracted…]. */
        View lhs() {
            return lhs;
        }

        /** [batch…, contracted…, free…]. */
        View rhs() {
            return rhs;
        }

        Optional<View> lhsMatrix(View view) {
            return matrix(view, lhsFree.size());
        }

        Optional<View> rhsMatrix(View view) {
            return matrix(view, contracted);
        }

        Optional<View> resultMatrix(View view) {
            return matrix(view, lhsFree.size());
        }

        private Optional<View> matrix(View view, int rowAxes) {
            var groups = new ArrayList<List<Integer>>();
            for (var axis = 0; axis < batches; axis++) {
                groups.add(List.of(axis));
            }
            groups.add(Views.axes(batches, batches + rowAxes));
            groups.add(Views.axes(batches + rowAxes, view.dims().size()));
            return Views.collapse(view, groups);
        }
    }
}
