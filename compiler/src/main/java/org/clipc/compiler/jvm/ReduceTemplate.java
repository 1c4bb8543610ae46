package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Reduce;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * {@link Reduce} for the JVM. What one unit cannot reduce alone is cut into pieces of a size that depends on the extents
 * only; their results go to a temporary, which a second call reduces. Sums are blocked: few terms are added one after the
 * other before they join a larger sum, so errors grow with the logarithm of the count rather than with the count.
 */
final class ReduceTemplate {

    /** Elements of a unit, about. */
    private static final int UNIT = 1 << 14;

    /** Elements of a row that are summed before they join the row's sum. */
    private static final int ROW_CHUNK = 2048;

    /** Most columns that a unit reduces; their sums stay in the first-level cache. */
    private static final int COLUMNS = 1024;

    /** Rows that are added up before they join the sum over more rows. */
    private static final int BLOCK_ROWS = 64;

    private final int bits;

    ReduceTemplate(int bits) {
        this.bits = bits;
    }

    void plan(Reduce spec, Launch launch, CallSink sink) {
        var reduced = launch.inputs().stream()
                .filter(view -> view.dims().size() == 3)
                .mapToInt(view -> view.dim(1))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("a reduction needs an operand of three axes"));
        var output = launch.outputs().getFirst();
        var size = spec.inner() ? rowPieces(reduced) : columnPieces(reduced, output.dim(1));
        var pieces = Math.ceilDiv(reduced, size);
        if (pieces == 1) {
            plan(spec, launch, reduced, size, output, 0, sink);
            return;
        }
        var held = held(spec.value().dtype());
        var partials = sink.temporary(held, List.of(output.dim(0), pieces, output.dim(1)));
        var whole =
                new View(partials.buffer(), 0, held, output.dims(), List.of(partials.stride(0), partials.stride(2)));
        var part = new Reduce(spec.fn(), spec.inner(), spec.operands(), spec.value(), held);
        plan(part, launch, reduced, size, whole, partials.stride(1), sink);
        combine(spec.fn(), partials, output, sink);
    }

    /** Reduces the middle axis of [outer, count, inner]. */
    void combine(ReduceFn fn, View partials, View output, CallSink sink) {
        var inner = partials.dim(2) == 1;
        var access = partials.stride(inner ? 1 : 2) == 1 ? Access.CONTIGUOUS : Access.STRIDED;
        var operand = new Operand(partials.dtype(), access);
        var value = new Expr.Arg(0, partials.dtype());
        var spec = new Reduce(fn, inner, List.of(operand), value, output.dtype());
        plan(spec, new Launch(spec, List.of(partials), List.of(output), List.of()), sink);
    }

    private static int rowPieces(int reduced) {
        return reduced <= 2 * UNIT ? reduced : UNIT;
    }

    private static int columnPieces(int reduced, int inner) {
        var rows = Math.max(BLOCK_ROWS, UNIT / Math.min(inner, COLUMNS));
        return reduced <= 2 * rows ? reduced : rows;
    }

    private static DType held(DType dtype) {
        return dtype == DType.I32 ? DType.I32 : DType.F32;
    }

    /**
     * @param size of a piece
     * @param output [outer, inner]: of the first piece
     * @param pieceStride step from one piece's output to the next one's
     */
    private void plan(Reduce spec, Launch launch, int reduced, int size, View output, long pieceStride, CallSink sink) {
        var walk = walk(spec);
        var outer = output.dim(0);
        var inner = output.dim(1);
        var values = new HashMap<String, Argument>();
        values.put("outer", Argument.of(outer));
        values.put("reduced", Argument.of(reduced));
        values.put("pieceSize", Argument.of(size));
        values.put("y", Argument.of(output));
        values.put("yOuter", Argument.of(output.stride(0)));
        values.put("yPiece", Argument.of(pieceStride));
        var pieces = Math.ceilDiv(reduced, size);
        int units;
        if (spec.inner()) {
            var rows = Math.max(1, UNIT / reduced);
            values.put("rowsPerUnit", Argument.of(rows));
            units = Math.multiplyExact(Math.ceilDiv(outer, rows), pieces);
        } else {
            values.put("columns", Argument.of(inner));
            values.put("yStep", Argument.of(output.stride(1)));
            units = Math.multiplyExact(Math.multiplyExact(outer, pieces), Math.ceilDiv(inner, COLUMNS));
        }
        var axes = spec.inner()
                ? new RowWalk.Axes(List.of(outer, reduced, 1), List.of(0), 1)
                : new RowWalk.Axes(List.of(outer, reduced, inner), List.of(0, 1), 2);
        walk.bind(launch.inputs(), List.of(), launch.attributes(), axes, values);
        var kernel = kernel(spec, walk);
        sink.call(kernel, layout(spec, walk).bind(Map.copyOf(values)), units, walk.localFloats(), 0);
    }

    private static RowWalk walk(Reduce spec) {
        var dag = ExprDag.of(List.of(spec.value()));
        return spec.inner()
                ? RowWalk.singly(ROW_CHUNK, spec.operands(), dag)
                : new RowWalk(2, COLUMNS, 2 * COLUMNS, spec.operands(), dag, List.of());
    }

    private static ArgumentLayout layout(Reduce spec, RowWalk walk) {
        var names = new ArrayList<>(List.of("outer", "reduced", "pieceSize", "y", "yOuter", "yPiece"));
        names.addAll(spec.inner() ? List.of("rowsPerUnit") : List.of("columns", "yStep"));
        names.addAll(walk.argumentNames());
        return new ArgumentLayout(names);
    }

    private RenderedKernel kernel(Reduce spec, RowWalk walk) {
        var fn = spec.fn().name();
        var stem = fn.charAt(0) + fn.substring(1).toLowerCase(Locale.ROOT) + (spec.inner() ? "OfRows" : "OfColumns");
        var operands =
                spec.operands().stream().map(ElementwiseTemplate::describe).collect(Collectors.joining(", "));
        var description = (spec.inner() ? "Reduction of rows by " : "Reduction of columns by ")
                + fn + ", (" + operands + ") -> " + spec.result().text() + ": "
                + ExprDag.of(List.of(spec.value())).text();
        return KernelClass.kernel(bits, stem, description, layout(spec, walk), kernel -> {
            if (spec.inner()) {
                renderRows(spec, walk, kernel);
            } else {
                renderColumns(spec, walk, kernel);
            }
        });
    }

    private static void renderRows(Reduce spec, RowWalk walk, KernelClass kernel) {
        var layout = kernel.layout();
        var code = new RowCode(walk, kernel);
        var held = held(spec.value().dtype());
        var type = Stepper.single(held);
        var total = CodeBlock.of("total");
        kernel.add(kernel.unit()
                .addCode(layout.declareInts("outer", "reduced", "pieceSize", "rowsPerUnit"))
                .addCode(layout.declareLongs("y", "yOuter", "yPiece"))
                .addStatement("final int pieces = (reduced + pieceSize - 1) / pieceSize")
                .addStatement("final int piece = unit % pieces")
                .addStatement("final int column = piece * pieceSize")
                .addStatement("final int count = Math.min(pieceSize, reduced - column)")
                .addStatement("final int first = unit / pieces * rowsPerUnit")
                .addStatement("final int end = Math.min(first + rowsPerUnit, outer)")
                .beginControlFlow("for (int row = first; row < end; row++)")
                .addStatement(
                        "final $T total = block(arena, local, args, 1, count$L)",
                        type,
                        walk.blockArguments(layout, List.of("row"), "column"))
                .addStatement(storeTotal(spec, kernel, CodeBlock.of("row * yOuter + piece * yPiece"), total))
                .endControlFlow());
        kernel.add(code.block(
                        type,
                        CodeBlock.builder()
                                .addStatement("$T total = $L", type, Loops.identity(Lanes.SCALAR, spec.fn(), held))
                                .build(),
                        row -> CodeBlock.of("total = $L", Loops.combine(Lanes.SCALAR, spec.fn(), held, total, row)))
                .addStatement("return total"));
        Function<Strip, CodeBlock> term = strip -> code.expressions(strip).renderAs(held, spec.value());
        var isCheap = ExprDag.of(List.of(spec.value())).isCheap();
        kernel.add(code.row(type)
                .addCode(
                        isCheap
                                ? Loops.reduce(kernel.library(), spec.fn(), held, "n", Loops.UNROLLED, "total", term)
                                : Loops.reduceCostly(kernel.library(), spec.fn(), held, "n", "total", term))
                .addStatement("return total"));
    }

    private static CodeBlock storeTotal(Reduce spec, KernelClass kernel, CodeBlock element, CodeBlock value) {
        var at = CodeBlock.of("y + $LL * ($L)", spec.result().bytes(), element);
        return Memory.storeOne(kernel.library(), spec.result(), at, value);
    }

    private static void renderColumns(Reduce spec, RowWalk walk, KernelClass kernel) {
        var held = held(spec.value().dtype());
        var code = new RowCode(walk, kernel, new RowCode.Extra("c", CodeBlock.of("c")));
        kernel.add(columnsUnit(spec, walk, kernel, held));
        kernel.add(code.block(TypeName.VOID, CodeBlock.of(""), row -> row));
        kernel.add(code.row(TypeName.VOID).addCode(Loops.each(kernel.library(), "n", strip -> {
            var value = code.expressions(strip).renderAs(held, spec.value());
            var sum = strip.loadLocal(held, "c");
            strip.storeLocal(held, "c", Loops.combine(strip.lanes(), spec.fn(), held, sum, value));
        })));
        kernel.add(kernel.method("clear")
                .addJavadoc("Fills scratch with what a reduction starts from.\n")
                .addParameter(int.class, "to", Modifier.FINAL)
                .addParameter(int.class, "n", Modifier.FINAL)
                .addCode(Loops.each(
                        kernel.library(),
                        "n",
                        strip -> strip.storeLocal(held, "to", Loops.identity(strip.lanes(), spec.fn(), held)))));
        kernel.add(kernel.method("merge")
                .addJavadoc("Joins the block's reduction to the unit's.\n")
                .addParameter(int.class, "n", Modifier.FINAL)
                .addCode(Loops.each(kernel.library(), "n", strip -> {
                    var whole = strip.loadLocal(held, "" + COLUMNS);
                    var block = strip.loadLocal(held, "0");
                    strip.storeLocal(held, "" + COLUMNS, Loops.combine(strip.lanes(), spec.fn(), held, whole, block));
                })));
    }

    private static MethodSpec.Builder columnsUnit(Reduce spec, RowWalk walk, KernelClass kernel, DType held) {
        var layout = kernel.layout();
        var total = Memory.loadLocal(Lanes.SCALAR, held, CodeBlock.of("$L + i", COLUMNS));
        return kernel.unit()
                .addCode(layout.declareInts("reduced", "pieceSize", "columns"))
                .addCode(layout.declareLongs("y", "yOuter", "yPiece", "yStep"))
                .addStatement("final int pieces = (reduced + pieceSize - 1) / pieceSize")
                .addStatement("final int across = (columns + $L - 1) / $L", COLUMNS, COLUMNS)
                .addStatement("final int column = unit % across * $L", COLUMNS)
                .addStatement("final int count = Math.min($L, columns - column)", COLUMNS)
                .addStatement("final int piece = unit / across % pieces")
                .addStatement("final int outer = unit / across / pieces")
                .addStatement("final int end = Math.min((piece + 1) * pieceSize, reduced)")
                .addStatement("clear(arena, local, $L, count)", COLUMNS)
                .beginControlFlow("for (int row = piece * pieceSize; row < end; row += $L)", BLOCK_ROWS)
                .addStatement("clear(arena, local, 0, count)")
                .addStatement(
                        "block(arena, local, args, Math.min($L, end - row), count$L)",
                        BLOCK_ROWS,
                        walk.blockArguments(layout, List.of("outer", "row"), "column"))
                .addStatement("merge(arena, local, count)")
                .endControlFlow()
                .beginControlFlow("for (int i = 0; i < count; i++)")
                .addStatement(storeTotal(
                        spec, kernel, CodeBlock.of("outer * yOuter + piece * yPiece + (column + i) * yStep"), total))
                .endControlFlow();
    }
}
