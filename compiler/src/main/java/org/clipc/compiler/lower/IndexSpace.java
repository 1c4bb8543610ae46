package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/** The points that an elementwise kernel visits, with as few axes as its operands allow. */
record IndexSpace(List<View> operands, List<KernelSpec.Operand> accesses, List<Expr> values, List<View> outputs) {

    static final KernelSpec.Operand SEED = new KernelSpec.Operand(DType.I32, Access.SPLAT);

    /** Joins axes; {@code values} may refer to axes by {@link Expr.Index} and to seeds by {@link Expr.Uniform}. */
    static IndexSpace of(List<View> operands, List<Expr> values, List<View> outputs) {
        var leaves = new Leaves();
        values.forEach(leaves::collect);
        var walks = new ArrayList<>(outputs);
        for (var i = 0; i < operands.size(); i++) {
            if (!leaves.seeds.contains(i)) {
                walks.add(operands.get(i));
            }
        }
        var groups = Views.joint(walks, leaves.axes);
        var axes = new HashMap<Integer, Integer>();
        for (var g = 0; g < groups.size(); g++) {
            for (int axis : groups.get(g)) {
                axes.put(axis, g);
            }
        }
        var joined = new ArrayList<View>();
        var accesses = new ArrayList<KernelSpec.Operand>();
        for (var i = 0; i < operands.size(); i++) {
            var isSeed = leaves.seeds.contains(i);
            joined.add(isSeed ? operands.get(i) : join(operands.get(i), groups));
            accesses.add(isSeed ? SEED : operand(joined.getLast()));
        }
        var renumbered = new Renumbered(axes);
        return new IndexSpace(
                joined,
                accesses,
                values.stream().map(renumbered::get).toList(),
                outputs.stream().map(o -> join(o, groups)).toList());
    }

    /** How a kernel walks a view along its last axis. */
    static KernelSpec.Operand operand(View view) {
        return new KernelSpec.Operand(view.dtype(), access(view));
    }

    static Access access(View view) {
        return Access.of(view.strides().getLast());
    }

    private static View join(View view, List<List<Integer>> groups) {
        return Views.collapse(view, groups).orElseThrow();
    }

    /** Expressions over the joined axes, which share what those over the axes of before do. */
    private static final class Renumbered {

        private final Map<Integer, Integer> axes;
        private final IdentityHashMap<Expr, Expr> known = new IdentityHashMap<>();

        Renumbered(Map<Integer, Integer> axes) {
            this.axes = axes;
        }

        Expr get(Expr value) {
            var renumbered = known.get(value);
            if (renumbered == null) {
                renumbered = value instanceof Expr.Index(var axis)
                        ? new Expr.Index(axes.getOrDefault(axis, 0))
                        : value.map(this::get);
                known.put(value, renumbered);
            }
            return renumbered;
        }
    }

    /** The axes and seed operands that expressions name. */
    private static final class Leaves {

        final Set<Integer> axes = new HashSet<>();
        final Set<Integer> seeds = new HashSet<>();
        private final Set<Expr> seen = Collections.newSetFromMap(new IdentityHashMap<>());

        void collect(Expr value) {
            if (!seen.add(value)) {
                return;
            }
            switch (value) {
                case Expr.Index(var axis) -> axes.add(axis);
                case Expr.Uniform(var seed, var _, var _) -> seeds.add(seed);
                case Expr.Unary _, Expr.Convert _, Expr.Binary _, Expr.Compare _, Expr.Select _ ->
                    value.parts().forEach(this::collect);
                case Expr.Arg _, Expr.Const _, Expr.Attribute _ -> {}
            }
        }
    }
}
