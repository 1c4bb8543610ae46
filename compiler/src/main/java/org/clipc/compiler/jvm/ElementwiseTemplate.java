package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Elementwise;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;

/**
 * {@link Elementwise} for the JVM: rows along the innermost axis, cut into units of about {@value #UNIT} elements. Outer
 * axes may be walked in any order; with a strided operand the one along which it is contiguous comes last, so that
 * {@link RowWalk} can read it tile by tile.
 */
final class ElementwiseTemplate {

    private static final int UNIT = 1 << 14;

    /** Widest unit when tiles are used, so that a unit has several tile rows. */
    private static final int TILED_COLUMNS = 512;

    private final int bits;

    ElementwiseTemplate(int bits) {
        this.bits = bits;
    }

    void plan(Elementwise spec, Launch launch, CallSink sink) {
        var extents = launch.outputs().getFirst().dims();
        var walk = walk(spec);
        var layout = layout(spec, walk);
        var outer = outerAxes(spec, launch);
        var columns = extents.getLast();
        var rows = outer.stream().mapToInt(extents::get).reduce(1, Math::multiplyExact);
        var columnsPerUnit = Math.min(columns, widest(spec));
        var rowsPerUnit = Math.clamp(
                UNIT / columnsPerUnit, isTiled(spec) ? RowWalk.TILE_ROWS : 1, Math.max(rows, RowWalk.TILE_ROWS));
        var values = new HashMap<String, Argument>();
        values.put("rows", Argument.of(rows));
        values.put("columns", Argument.of(columns));
        values.put("rowsPerUnit", Argument.of(rowsPerUnit));
        values.put("columnsPerUnit", Argument.of(columnsPerUnit));
        for (var axis = 1; axis < outer.size(); axis++) {
            values.put("extent" + axis, Argument.of(extents.get(outer.get(axis))));
        }
        var axes = new RowWalk.Axes(extents, outer, extents.size() - 1);
        walk.bind(launch.inputs(), launch.outputs(), launch.attributes(), axes, values);
        var units = Math.ceilDiv(rows, rowsPerUnit) * Math.ceilDiv(columns, columnsPerUnit);
        var kernel = KernelClass.kernel(bits, "Elementwise", describe(spec), layout, k -> render(spec, k));
        sink.call(kernel, layout.bind(values), units, walk.localFloats(), 0);
    }

    private static boolean isTiled(Elementwise spec) {
        return spec.operands().stream().anyMatch(o -> o.access() == Access.STRIDED)
                || spec.stores().contains(Access.STRIDED);
    }

    private static int widest(Elementwise spec) {
        return isTiled(spec) ? TILED_COLUMNS : UNIT;
    }

    private static List<Integer> outerAxes(Elementwise spec, Launch launch) {
        var axes = IntStream.range(0, spec.rank() - 1).boxed().collect(Collectors.toCollection(ArrayList::new));
        var views = new ArrayList<View>();
        for (var i = 0; i < spec.operands().size(); i++) {
            if (spec.operands().get(i).access() == Access.STRIDED) {
                views.add(launch.inputs().get(i));
            }
        }
        for (var i = 0; i < spec.stores().size(); i++) {
            if (spec.stores().get(i) == Access.STRIDED) {
                views.add(launch.outputs().get(i));
            }
        }
        if (!views.isEmpty()) {
            axes.sort(Comparator.comparingLong(
                    (Integer axis) -> -Math.abs(views.getFirst().stride(axis))));
        }
        return axes;
    }

    private static RowWalk walk(Elementwise spec) {
        var results = new ArrayList<Operand>();
        for (var i = 0; i < spec.results().size(); i++) {
            results.add(new Operand(spec.results().get(i).dtype(), spec.stores().get(i)));
        }
        var dag = ExprDag.of(spec.results().stream().map(Result::value).toList());
        return new RowWalk(spec.rank() - 1, widest(spec), 0, spec.operands(), dag, results);
    }

    private static ArgumentLayout layout(Elementwise spec, RowWalk walk) {
        var names = new ArrayList<>(List.of("rows", "columns", "rowsPerUnit", "columnsPerUnit"));
        IntStream.range(1, spec.rank() - 1).forEach(axis -> names.add("extent" + axis));
        names.addAll(walk.argumentNames());
        return new ArgumentLayout(names);
    }

    private static String describe(Elementwise spec) {
        var operands =
                spec.operands().stream().map(ElementwiseTemplate::describe).collect(Collectors.joining(", "));
        var results = new ArrayList<String>();
        for (var i = 0; i < spec.results().size(); i++) {
            results.add(describe(
                    new Operand(spec.results().get(i).dtype(), spec.stores().get(i))));
        }
        var dag = ExprDag.of(spec.results().stream().map(Result::value).toList());
        return "Elementwise over " + spec.rank() + " axes, (" + operands + ") -> (" + String.join(", ", results) + "): "
                + dag.text();
    }

    static String describe(Operand operand) {
        return operand.dtype().text()
                + switch (operand.access()) {
                    case CONTIGUOUS -> "";
                    case SPLAT -> " splat";
                    case STRIDED -> " strided";
                };
    }

    private static void render(Elementwise spec, KernelClass kernel) {
        var walk = walk(spec);
        var code = new RowCode(walk, kernel);
        kernel.add(unit(spec, kernel, walk));
        kernel.add(code.block(TypeName.VOID, CodeBlock.of(""), rowCall -> rowCall));
        var body = Loops.each(kernel.library(), "n", strip -> {
            var expressions = code.expressions(strip);
            // All values before the first store: a result may lie where an operand does.
            var values = spec.results().stream()
                    .map(result -> expressions.renderAs(result.dtype(), result.value()))
                    .toList();
            IntStream.range(0, values.size()).forEach(i -> code.store(strip, i, values.get(i)));
        });
        kernel.add(code.row(TypeName.VOID).addCode(body));
    }

    private static MethodSpec.Builder unit(Elementwise spec, KernelClass kernel, RowWalk walk) {
        var layout = kernel.layout();
        var outer = spec.rank() - 1;
        var unit = kernel.unit()
                .addCode(layout.declareInts("rows", "columns", "rowsPerUnit", "columnsPerUnit"))
                .addStatement("final int across = (columns + columnsPerUnit - 1) / columnsPerUnit")
                .addStatement("final int column = unit % across * columnsPerUnit")
                .addStatement("final int count = Math.min(columnsPerUnit, columns - column)")
                .addStatement("final int first = unit / across * rowsPerUnit")
                .addStatement("final int end = Math.min(first + rowsPerUnit, rows)");
        var coordinates =
                IntStream.range(0, outer).mapToObj(axis -> "at" + axis).toList();
        if (outer == 0) {
            return unit.addStatement(
                    "block(arena, local, args, 1, count$L)", walk.blockArguments(layout, coordinates, "column"));
        }
        for (var axis = 1; axis < outer; axis++) {
            unit.addCode(layout.declareInts("extent" + axis));
        }
        if (outer == 1) {
            return unit.addStatement("final int at0 = first")
                    .addStatement(
                            "block(arena, local, args, end - first, count$L)",
                            walk.blockArguments(layout, coordinates, "column"));
        }
        unit.addStatement("int row = first").beginControlFlow("while (row < end)");
        var rest = "row";
        for (var axis = outer - 1; axis >= 1; axis--) {
            unit.addStatement("final int at$L = $L % extent$L", axis, rest, axis)
                    .addStatement("final int rest$L = $L / extent$L", axis, rest, axis);
            rest = "rest" + axis;
        }
        return unit.addStatement("final int at0 = $L", rest)
                .addStatement("final int run = Math.min(end - row, extent$L - at$L)", outer - 1, outer - 1)
                .addStatement(
                        "block(arena, local, args, run, count$L)", walk.blockArguments(layout, coordinates, "column"))
                .addStatement("row += run")
                .endControlFlow();
    }
}
