package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;

/** The buffers and launches made so far, and the small copies that every lowering rule may need. */
final class Emitter {

    /** How many steps a dense copy of a view may be used again: holding it longer costs more memory than it saves time. */
    private static final int COPY_REUSE_STEPS = 24;

    private final List<Buffer> buffers = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();
    private final Map<View, Copy> copies = new HashMap<>();
    private int node;
    private String name = "";

    private record Copy(View view, int step) {}

    /** Launches from here on compute graph node {@code index}. */
    void at(int index, String nodeName) {
        node = index;
        name = nodeName;
    }

    List<Buffer> buffers() {
        return buffers;
    }

    List<Step> steps() {
        return steps;
    }

    /** A new buffer of the workspace, for the results of the current node. */
    View allocate(TensorType type) {
        return allocate(Buffer.Role.WORKSPACE, name, type);
    }

    View allocate(Buffer.Role role, String bufferName, TensorType type) {
        var id = buffers.size();
        buffers.add(new Buffer(id, role, bufferName, type.bytes()));
        return Views.dense(id, type);
    }

    void launch(KernelSpec spec, List<View> inputs, List<View> outputs, List<Double> attributes) {
        emit(new Step.Kernel(node, new Launch(spec, inputs, outputs, attributes)));
    }

    void exchange(Op.Collective op, List<View> inputs, List<View> outputs) {
        emit(new Step.Exchange(node, op, inputs, outputs));
    }

    private void emit(Step step) {
        steps.add(step);
        for (var output : step.outputs()) {
            copies.keySet().removeIf(view -> view.buffer() == output.buffer());
        }
    }

    /** {@code view} with another layout: as it is if {@code form} can say it, else of a dense copy. */
    View require(View view, Function<View, Optional<View>> form) {
        return form.apply(view).orElseGet(() -> form.apply(dense(view)).orElseThrow());
    }

    /** A row-major tensor of the elements of {@code view}: itself, if it is one. */
    View dense(View view) {
        if (Views.isDense(view)) {
            return view;
        }
        copies.values().removeIf(copy -> copy.step() + COPY_REUSE_STEPS <= steps.size());
        var known = copies.get(view);
        if (known != null) {
            return known.view();
        }
        var copy = allocate(new TensorType(view.dtype(), Views.shape(view)));
        copy(view, copy);
        copies.put(view, new Copy(copy, steps.size()));
        return copy;
    }

    void copy(View from, View to) {
        pointwise(List.of(from), List.of(new Expr.Arg(0, from.dtype())), List.of(to), List.of());
    }

    void fill(View to, double value) {
        if (Constants.isBaked(value)) {
            pointwise(List.of(), List.of(new Expr.Const(value, to.dtype())), List.of(to), List.of());
        } else {
            pointwise(List.of(), List.of(new Expr.Attribute(0, to.dtype())), List.of(to), List.of(value));
        }
    }

    /**
     * An elementwise launch over the extents of {@code outputs}, which are those of {@code operands} but for seeds. Axes
     * are joined where all views allow it, which leaves the row-major order of the elements as it is.
     */
    void pointwise(List<View> operands, List<Expr> values, List<View> outputs, List<Double> attributes) {
        var space = IndexSpace.of(operands, values, outputs);
        var results = new ArrayList<KernelSpec.Result>();
        var stores = new ArrayList<Access>();
        for (var i = 0; i < outputs.size(); i++) {
            results.add(
                    new KernelSpec.Result(outputs.get(i).dtype(), space.values().get(i)));
            stores.add(IndexSpace.access(space.outputs().get(i)));
        }
        var rank = space.outputs().getFirst().dims().size();
        var spec = new KernelSpec.Elementwise(rank, space.accesses(), results, stores);
        launch(spec, space.operands(), space.outputs(), attributes);
    }
}
