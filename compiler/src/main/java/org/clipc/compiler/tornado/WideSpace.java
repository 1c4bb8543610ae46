package org.clipc.compiler.tornado;

import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.lower.Views;

/**
 * The index space of an elementwise launch, of as few axes as its tensors allow, and how many neighbours along the last one a
 * work item takes.
 *
 * @param width 1, 2, 4 or 8; it divides the last extent
 * @param inputs by operand; those that are not read at points of the space are as they were
 */
record WideSpace(int width, List<View> inputs, List<View> outputs) {

    /** Bytes of the widest access. Buffers begin at multiples of it, see {@link org.clipc.program.Manifest#ALIGNMENT}. */
    private static final int BYTES = 16;

    WideSpace {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }

    static WideSpace of(ExprDag dag, Launch launch) {
        var walked = IntStream.range(0, launch.inputs().size())
                .filter(dag::reads)
                .mapToObj(launch.inputs()::get)
                .toList();
        var all = Stream.concat(walked.stream(), launch.outputs().stream()).toList();
        // Coordinates are of the axes as they are.
        UnaryOperator<View> joined = dag.leaves(Expr.Index.class).isEmpty() ? joining(all) : view -> view;
        var inputs = IntStream.range(0, launch.inputs().size())
                .mapToObj(i -> {
                    var view = launch.inputs().get(i);
                    return dag.reads(i) ? joined.apply(view) : view;
                })
                .toList();
        var outputs = launch.outputs().stream().map(joined).toList();
        return new WideSpace(width(all.stream().map(joined).toList(), outputs), inputs, outputs);
    }

    /** Joins each axis with those before it that continue it in all tensors. */
    private static UnaryOperator<View> joining(List<View> views) {
        var groups = Views.joint(views, Set.of());
        return view -> Views.collapse(view, groups).orElseThrow();
    }

    /** How a tensor's elements lie along the last axis. */
    static Access access(View view) {
        return Access.of(view.strides().getLast());
    }

    /** Whether neighbours of a tensor go through one access, if there are several. */
    static boolean isWide(Operand operand) {
        return operand.dtype().isFloat() && operand.access() == Access.CONTIGUOUS;
    }

    private static boolean isWide(View view) {
        return isWide(new Operand(view.dtype(), access(view)));
    }

    private static int width(List<View> all, List<View> outputs) {
        if (!outputs.stream().allMatch(WideSpace::isWide)) {
            return 1;
        }
        var wide = all.stream().filter(WideSpace::isWide).toList();
        return width(outputs.getFirst().dims().getLast(), wide);
    }

    /** The most neighbours that an extent and the places of tensors allow, if any of them fills an access with so many. */
    static int width(int extent, List<View> wide) {
        var most = wide.stream()
                .mapToInt(view -> BYTES / view.dtype().bytes())
                .max()
                .orElse(1);
        return IntStream.iterate(most, width -> width > 1, width -> width / 2)
                .filter(width -> extent % width == 0 && wide.stream().allMatch(view -> isAligned(view, width)))
                .findFirst()
                .orElse(1);
    }

    private static boolean isAligned(View view, int width) {
        var step = Math.min(width, BYTES / view.dtype().bytes());
        return view.offset() % step == 0
                && view.strides().subList(0, view.strides().size() - 1).stream().allMatch(stride -> stride % step == 0);
    }
}
