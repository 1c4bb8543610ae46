package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.TypeName;
import java.util.List;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Reduce;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.tornado.TornadoTarget.Kind;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * {@link Reduce}: a group reduces a piece of the reduced axis for one row, or for {@value #COLUMNS} columns side by side.
 * Its work items take elements in turn, then meet in local memory; long axes are cut into pieces whose results a second
 * kernel reduces. The order depends on sizes only.
 *
 * <p>On CPUs a work item does all of this alone, {@value #LANES} elements side by side: barriers cost them much.
 */
final class ReduceTemplate {

    private static final int GROUP = 256;
    private static final int COLUMNS = 32;

    /** Elements of the reduced axis that a work item takes, before another group is worth its while. */
    private static final int PER_ITEM = 64;

    /** As {@link #PER_ITEM}, of rows for CUDA: a few large ones should keep all of a GPU at work. */
    private static final int PER_ITEM_OF_ROW = 16;

    /** Elements that an item has on their way from memory at a time, for CUDA. */
    private static final int AT_ONCE = 8;

    private static final int MOST_PIECES = 1024;

    /** Elements side by side of which an item of a CPU keeps a sum each. */
    private static final int LANES = 32;

    /** Elements of the reduced axis that an item of a CPU takes. */
    private static final int ROWS_OF_CPU = 64;

    private static final int COLUMNS_OF_CPU = 1 << 14;

    /** Which piece of the reduced axis a group has, and of what. */
    private static final CodeBlock PLACE = CodeBlock.builder()
            .addStatement("final int piece = group % pieces")
            .addStatement("final int place = group / pieces % across")
            .addStatement("final int outer = group / pieces / across")
            .build();

    private static final CodeBlock PIECE = CodeBlock.builder()
            .addStatement("final int from = piece * size")
            .addStatement("final int to = from + size < reduced ? from + size : reduced")
            .build();

    private ReduceTemplate() {}

    static void plan(Reduce spec, Launch launch, Kind kind, CallSink sink) {
        var output = launch.outputs().getFirst();
        var reduced = launch.inputs().stream()
                .filter(view -> view.dims().size() == 3)
                .mapToInt(view -> view.dim(1))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("a reduction needs an operand of three axes"));
        var pieces = spec.value().dtype().isFloat() ? pieces(spec, reduced, kind) : 1;
        if (pieces == 1) {
            plan(spec, launch, reduced, reduced, output, 0, kind, sink);
            return;
        }
        int outer = output.dim(0);
        int inner = output.dim(1);
        var partials = sink.temporary(DType.F32, List.of(outer, pieces, inner));
        var first = new View(partials.buffer(), 0, DType.F32, output.dims(), List.of(partials.stride(0), 1L));
        var part = new Reduce(spec.fn(), spec.inner(), spec.operands(), spec.value(), DType.F32);
        plan(part, launch, reduced, Math.ceilDiv(reduced, pieces), first, inner, kind, sink);
        combine(spec.fn(), partials, output, kind, sink);
    }

    /** Reduces the middle axis of [outer, count, inner]. */
    static void combine(ReduceFn fn, View partials, View output, Kind kind, CallSink sink) {
        var inner = partials.dim(2) == 1;
        var access = partials.stride(inner ? 1 : 2) == 1 ? Access.CONTIGUOUS : Access.STRIDED;
        var spec = new Reduce(
                fn,
                inner,
                List.of(new Operand(partials.dtype(), access)),
                new Expr.Arg(0, partials.dtype()),
                output.dtype());
        plan(spec, new Launch(spec, List.of(partials), List.of(output), List.of()), kind, sink);
    }

    private static int pieces(Reduce spec, int reduced, Kind kind) {
        var least = switch (kind) {
            case CPU -> spec.inner() ? COLUMNS_OF_CPU : ROWS_OF_CPU;
            case GPU -> (spec.inner() ? GROUP : GROUP / COLUMNS) * PER_ITEM;
            case CUDA -> spec.inner() ? GROUP * PER_ITEM_OF_ROW : GROUP / COLUMNS * PER_ITEM;
        };
        var size = Math.max(least, Math.ceilDiv(reduced, MOST_PIECES));
        return reduced <= 2 * size ? 1 : Math.ceilDiv(reduced, size);
    }

    /**
     * @param size of a piece
     * @param output [outer, inner]: of the first piece
     * @param pieceStride step from one piece's output to the next one's
     */
    private static void plan(
            Reduce spec,
            Launch launch,
            int reduced,
            int size,
            View output,
            long pieceStride,
            Kind kind,
            CallSink sink) {
        var alone = kind == Kind.CPU && spec.value().dtype().isFloat();
        var dag = ExprDag.of(List.of(spec.value()));
        var operands = new TornadoOperands(dag, spec.operands(), 0);
        var kernel = new TornadoKernel(
                "Reduce",
                spec.fn() + (spec.inner() ? " of rows, " : " of columns, ") + TornadoOperands.describe(spec.operands())
                        + " -> " + spec.result().text() + ": " + dag.text(),
                alone ? 1 : GROUP);
        var pieces = Math.ceilDiv(reduced, size);
        int inner = output.dim(1);
        var across = spec.inner() ? inner : Math.ceilDiv(inner, alone ? LANES : COLUMNS);
        kernel.number("reduced", reduced)
                .number("size", size)
                .number("pieces", pieces)
                .number("inner", inner)
                .number("across", across)
                .at("y", output)
                .number("yOuter", output.stride(0))
                .number("yInner", output.stride(1))
                .number("yPiece", pieceStride);
        operands.bind(kernel, axesOfRows(spec, launch.inputs()), launch.attributes());
        kernel.launch(
                sink,
                (long) output.dim(0) * across * pieces,
                helpers -> alone
                        ? alone(spec, operands, helpers)
                        : render(spec, operands, kind == Kind.CUDA ? AT_ONCE : 1, helpers));
    }

    /** With the reduced axis innermost where rows are reduced: the access says how that one is walked. */
    private static List<View> axesOfRows(Reduce spec, List<View> views) {
        if (!spec.inner()) {
            return views;
        }
        return views.stream()
                .map(v -> v.dims().size() != 3
                        ? v
                        : new View(
                                v.buffer(),
                                v.offset(),
                                v.dtype(),
                                List.of(v.dim(0), v.dim(2), v.dim(1)),
                                List.of(v.stride(0), v.stride(2), v.stride(1))))
                .toList();
    }

    private static CodeBlock render(Reduce spec, TornadoOperands operands, int atOnce, TornadoKernel.Helpers helpers) {
        var dtype = spec.value().dtype();
        TypeName type = TornadoKernel.type(dtype == DType.BOOL ? DType.F32 : dtype);
        var isInt = dtype == DType.I32;
        var total = stored(spec.result(), isInt, CodeBlock.of("sums[local]"));
        var place = CodeBlock.of("y + outer * yOuter + column * yInner + piece * yPiece");
        return CodeBlock.builder()
                .add(PLACE)
                .add(column(spec))
                .add(PIECE)
                .addStatement("$T sum = $L", type, identity(spec.fn(), dtype))
                .beginControlFlow("if (column < inner)")
                .add(ofItem(spec, operands, atOnce, helpers))
                .endControlFlow()
                .addStatement(
                        "final $T[] sums = context.$L($L)",
                        type,
                        isInt ? "allocateIntLocalArray" : "allocateFloatLocalArray",
                        GROUP)
                .addStatement("sums[local] = sum")
                .add(ofGroup(spec, helpers))
                .beginControlFlow("if (local < $L && column < inner)", least(spec))
                .addStatement(TornadoKernel.store(spec.result(), place, total))
                .endControlFlow()
                .build();
    }

    /** Which element of a row, or which row of a column, is a work item's first, and which column it works on. */
    private static CodeBlock column(Reduce spec) {
        var code = CodeBlock.builder();
        if (spec.inner()) {
            code.addStatement("final int item = local").addStatement("final int column = place");
        } else {
            code.addStatement("final int item = local / $L", COLUMNS)
                    .addStatement("final int column = place * $L + local % $L", COLUMNS, COLUMNS);
        }
        return code.build();
    }

    /** Sums up a work item's part of the piece, {@code atOnce} elements at a time as far as there are so many. */
    private static CodeBlock ofItem(Reduce spec, TornadoOperands operands, int atOnce, TornadoKernel.Helpers helpers) {
        var items = spec.inner() ? GROUP : GROUP / COLUMNS;
        var code = CodeBlock.builder();
        if (atOnce > 1) {
            code.addStatement("int next = from + item")
                    .beginControlFlow("for (; next + $L < to; next += $L)", (atOnce - 1) * items, atOnce * items);
            for (var i = 0; i < atOnce; i++) {
                var here = "at" + i;
                code.addStatement("final int $L = next + $L", here, i * items)
                        .add(joined(spec, operands, here, "t" + i + "x", helpers));
            }
            code.endControlFlow();
        }
        return code.beginControlFlow("for (int at = $L; at < to; at += $L)", atOnce > 1 ? "next" : "from + item", items)
                .add(joined(spec, operands, "at", "t", helpers))
                .endControlFlow()
                .build();
    }

    /** Joins the sums of a group's work items, by halves. */
    private static CodeBlock ofGroup(Reduce spec, TornadoKernel.Helpers helpers) {
        var isInt = spec.value().dtype() == DType.I32;
        var joined = join(spec.fn(), isInt, helpers, CodeBlock.of("sums[local]"), CodeBlock.of("sums[local + step]"));
        return CodeBlock.builder()
                .beginControlFlow("for (int step = $L; step >= $L; step >>= 1)", GROUP / 2, least(spec))
                .addStatement("context.localBarrier()")
                .beginControlFlow("if (local < step)")
                .addStatement("sums[local] = $L", joined)
                .endControlFlow()
                .endControlFlow()
                .build();
    }

    /** Sums that are left of a group's. */
    private static int least(Reduce spec) {
        return spec.inner() ? 1 : COLUMNS;
    }

    /** Joins the element at {@code at} with {@code sum}. */
    private static CodeBlock joined(
            Reduce spec, TornadoOperands operands, String at, String prefix, TornadoKernel.Helpers helpers) {
        var dtype = spec.value().dtype();
        var point = new ReducedPoint(spec.inner(), at);
        var expressions = new TornadoExpr(helpers, prefix, operands.leaves(helpers, 3, point));
        var value = expressions.renderAs(dtype == DType.BOOL ? DType.F32 : dtype, spec.value());
        var joined = join(spec.fn(), dtype == DType.I32, helpers, CodeBlock.of("sum"), value);
        return CodeBlock.builder()
                .add(expressions.statements())
                .addStatement("sum = $L", joined)
                .build();
    }

    /**
     * A work item by itself. Bounds of the loops over lanes are variables: loops of known length would be unrolled, and be
     * no vectors then.
     */
    private static CodeBlock alone(Reduce spec, TornadoOperands operands, TornadoKernel.Helpers helpers) {
        var rows = spec.inner();
        var expressions = new TornadoExpr(helpers, "t", operands.leaves(helpers, 3, new ReducedPoint(rows, "at")));
        var value = expressions.renderAs(DType.F32, spec.value());
        var code = CodeBlock.builder().add(PLACE).add(PIECE).addStatement("final float[] sums = new float[$L]", LANES);
        if (rows) {
            code.addStatement("final int column = place")
                    .beginControlFlow("for (int lane = 0; lane < $L; lane++)", LANES)
                    .addStatement("sums[lane] = $L", identity(spec.fn(), DType.F32))
                    .endControlFlow()
                    .beginControlFlow("for (int first = from; first < to; first += $L)", LANES)
                    .addStatement("final int lanes = to - first < $1L ? to - first : $1L", LANES)
                    .beginControlFlow("for (int lane = 0; lane < lanes; lane++)")
                    .addStatement("final int at = first + lane");
        } else {
            code.addStatement("final int first = place * $L", LANES)
                    .addStatement("final int lanes = inner - first < $1L ? inner - first : $1L", LANES)
                    .beginControlFlow("for (int lane = 0; lane < lanes; lane++)")
                    .addStatement("sums[lane] = $L", identity(spec.fn(), DType.F32))
                    .endControlFlow()
                    .beginControlFlow("for (int at = from; at < to; at++)")
                    .beginControlFlow("for (int lane = 0; lane < lanes; lane++)")
                    .addStatement("final int column = first + lane");
        }
        code.add(expressions.statements())
                .addStatement("sums[lane] = $L", join(spec.fn(), false, helpers, CodeBlock.of("sums[lane]"), value))
                .endControlFlow()
                .endControlFlow();
        if (rows) {
            code.addStatement("float total = sums[0]")
                    .beginControlFlow("for (int lane = 1; lane < $L; lane++)", LANES)
                    .addStatement(
                            "total = $L",
                            join(spec.fn(), false, helpers, CodeBlock.of("total"), CodeBlock.of("sums[lane]")))
                    .endControlFlow();
        } else {
            code.beginControlFlow("for (int lane = 0; lane < lanes; lane++)")
                    .addStatement("final int column = first + lane")
                    .addStatement("final float total = sums[lane]");
        }
        code.addStatement(TornadoKernel.store(
                spec.result(),
                CodeBlock.of("y + outer * yOuter + column * yInner + piece * yPiece"),
                stored(spec.result(), false, CodeBlock.of("total"))));
        return (rows ? code : code.endControlFlow()).build();
    }

    /** A total as an element of the result. */
    private static CodeBlock stored(DType result, boolean isInt, CodeBlock total) {
        return switch (result) {
            case BOOL -> CodeBlock.of("($L != 0)", total);
            case I32 -> isInt ? total : CodeBlock.of("(int) $L", total);
            case F32, BF16, F16 -> isInt ? CodeBlock.of("(float) $L", total) : total;
        };
    }

    /** Axes [outer, reduced, inner]; with the last two exchanged where rows are reduced. */
    private record ReducedPoint(boolean rows, String at) implements TornadoOperands.Point {

        @Override
        public CodeBlock along(int axis) {
            return switch (axis) {
                case 0 -> CodeBlock.of("outer");
                case 1 -> CodeBlock.of(rows ? "column" : at);
                default -> CodeBlock.of(rows ? at : "column");
            };
        }

        @Override
        public CodeBlock coordinate(int axis) {
            return CodeBlock.of(axis == 0 ? "outer" : axis == 1 ? at : "column");
        }

        @Override
        public CodeBlock element() {
            return CodeBlock.of("(outer * reduced + $L) * inner + column", at);
        }
    }

    private static CodeBlock identity(ReduceFn fn, DType dtype) {
        var isInt = dtype == DType.I32;
        return switch (fn) {
            case SUM -> CodeBlock.of(isInt ? "0" : "0f");
            case MAX -> CodeBlock.of(isInt ? "Integer.MIN_VALUE" : "Float.NEGATIVE_INFINITY");
            case MIN -> CodeBlock.of(isInt ? "Integer.MAX_VALUE" : "Float.POSITIVE_INFINITY");
        };
    }

    private static CodeBlock join(
            ReduceFn fn, boolean areInts, TornadoKernel.Helpers helpers, CodeBlock a, CodeBlock b) {
        return switch (fn) {
            case SUM -> CodeBlock.of("$L + $L", a, b);
            case MAX, MIN -> TornadoExpr.extreme(helpers, fn == ReduceFn.MAX, areInts, a, b);
        };
    }
}
