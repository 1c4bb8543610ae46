package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;

/**
 * A reduction of an expression over {@code shape}, brought to the form that kernels know: (outer, reduced, inner) axes.
 *
 * @param operands of the expression, each with the extents of {@code shape} but for seeds
 */
record Reduction(
        Emitter emitter,
        ReduceFn fn,
        List<View> operands,
        IntPredicate isSeed,
        Expr value,
        List<Double> attributes,
        Shape shape) {

    /** @param output dense, with the extents of {@code shape} without {@code axes} */
    void over(List<Integer> axes, View output) {
        var runs = runs(axes);
        if (runs.size() <= 1) {
            launch(runs.isEmpty() ? List.of() : runs.getFirst(), output);
            return;
        }
        // Innermost axes first, the others of what that leaves.
        var first = runs.getLast();
        var dtype = value.dtype().isFloat() ? DType.F32 : value.dtype();
        var partial = emitter.allocate(new TensorType(dtype, shape.without(first)));
        launch(first, partial);
        var rest = axes.stream().filter(axis -> axis < first.getFirst()).toList();
        new Reduction(
                        emitter,
                        fn,
                        List.of(partial),
                        _ -> false,
                        new Expr.Arg(0, dtype),
                        List.of(),
                        Views.shape(partial))
                .over(rest, output);
    }

    private void launch(List<Integer> axes, View output) {
        var from = axes.isEmpty() ? shape.rank() : axes.getFirst();
        var to = axes.isEmpty() ? shape.rank() : axes.getLast() + 1;
        var groups = List.of(Views.axes(0, from), Views.axes(from, to), Views.axes(to, shape.rank()));
        var inner = shape.elements(to, shape.rank());
        var views = new ArrayList<View>();
        var accesses = new ArrayList<KernelSpec.Operand>();
        for (var i = 0; i < operands.size(); i++) {
            if (isSeed.test(i)) {
                views.add(operands.get(i));
                accesses.add(IndexSpace.SEED);
            } else {
                var view = emitter.require(operands.get(i), v -> Views.collapse(v, groups));
                views.add(view);
                accesses.add(new KernelSpec.Operand(view.dtype(), Access.of(view.stride(inner == 1 ? 1 : 2))));
            }
        }
        var outer = Math.toIntExact(shape.elements(0, from));
        var dims = List.of(outer, Math.toIntExact(inner));
        var matrix = Views.with(output, dims, List.of(inner, 1L));
        var spec = new KernelSpec.Reduce(fn, inner == 1, accesses, value, output.dtype());
        emitter.launch(spec, views, List.of(matrix), attributes);
    }

    /** The axes that matter, split where one of the result stands between. */
    private List<List<Integer>> runs(List<Integer> axes) {
        var runs = new ArrayList<List<Integer>>();
        var end = -1;
        for (int axis : axes) {
            if (shape.dim(axis) == 1) {
                continue;
            }
            if (end < 0 || shape.elements(end, axis) != 1) {
                runs.add(new ArrayList<>());
            }
            runs.getLast().add(axis);
            end = axis + 1;
        }
        return runs;
    }
}
