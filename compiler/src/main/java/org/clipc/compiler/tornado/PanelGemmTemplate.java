package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.LaunchCost;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * {@link Gemm} for CPUs: two kernels pack A and B into panels; then a work item computes tiles of {@value #ROWS} by {@value
 * #COLUMNS} sums, in vectors of 8. Measured on PoCL (768x3072x768, two cores of a Zen 3): 70 to 75% of the peak, against
 * 86 to 90% for the same tile in OpenCL C, since TornadoVM writes products and sums as statements of their own, which no
 * compiler contracts. One column and 8 rows for an item, in scalars, ran at a twentieth of that: PoCL makes no vectors of
 * neighbouring items.
 *
 * <p>A vector is built from 8 elements, which LLVM loads at once. TornadoVM's own vector loads take an array's header to
 * be 16 bytes.
 */
final class PanelGemmTemplate {

    private static final int ROWS = 6;
    private static final int LANES = 8;
    private static final int VECTORS = 2;
    private static final int COLUMNS = LANES * VECTORS;

    /** Panels of rows and of columns that an item goes through, so that a panel of B stays in the first-level cache. */
    private static final int ITEM_ROWS = 8;

    private static final int ITEM_COLUMNS = 4;

    /** Depth that an item packs. */
    private static final int PACKED = 32;

    private PanelGemmTemplate() {}

    static void plan(Gemm spec, Launch launch, CallSink sink) {
        var epilogue = new GemmEpilogue(spec);
        var a = launch.inputs().get(0);
        var b = launch.inputs().get(1);
        var c = launch.outputs().getFirst();
        int depth = a.dim(3);
        var rowPanels = Math.ceilDiv(c.dim(2), ROWS);
        var columnPanels = Math.ceilDiv(c.dim(3), COLUMNS);
        var batches = c.dim(0) * c.dim(1);
        var packedA = pack(sink, a, ROWS, rowPanels, 2, 3);
        var packedB = pack(sink, b, COLUMNS, columnPanels, 3, 2);
        var itemRows = Math.ceilDiv(rowPanels, ITEM_ROWS);
        var itemColumns = Math.ceilDiv(columnPanels, ITEM_COLUMNS);
        var kernel = new TornadoKernel("Gemm", "Gemm of panels, " + epilogue.describe(), 1)
                .number("batches", c.dim(1))
                .number("rows", c.dim(2))
                .number("columns", c.dim(3))
                .number("depth", depth)
                .number("rowPanels", rowPanels)
                .number("columnPanels", columnPanels)
                .number("itemRows", itemRows)
                .number("itemColumns", itemColumns)
                .at("a", packedA.view())
                .at("b", packedB.view());
        for (var axis = 0; axis < 2; axis++) {
            kernel.number("aBatch" + axis, packedA.batchPanels(axis))
                    .number("bBatch" + axis, packedB.batchPanels(axis));
        }
        epilogue.bind(kernel, launch);
        kernel.prebuilt().launch(sink, (long) batches * itemRows * itemColumns, helpers -> render(epilogue, helpers));
    }

    /**
     * A packed operand.
     *
     * @param step0 panels from one first batch index to the next; 0 where the operand is the same for all
     */
    private record Packed(View view, long step0, long step1) {

        long batchPanels(int axis) {
            return axis == 0 ? step0 : step1;
        }
    }

    /**
     * Packs an operand, of batches that differ, into panels [depth, width], zero where the operand ends.
     *
     * @param across the view's axis that runs across a panel
     * @param along the view's axis of the depth
     */
    private static Packed pack(CallSink sink, View view, int width, int panels, int across, int along) {
        var batches0 = view.stride(0) == 0 ? 1 : view.dim(0);
        var batches1 = view.stride(1) == 0 ? 1 : view.dim(1);
        int depth = view.dim(along);
        var floats = (long) batches0 * batches1 * panels * depth * width;
        var buffer = sink.temporary(floats * Float.BYTES);
        var packed = new View(buffer, 0, DType.F32, List.of(Math.toIntExact(floats)), List.of(1L));
        var pieces = Math.ceilDiv(depth, PACKED);
        var neighbours = view.stride(across) == 1;
        new TornadoKernel(
                        "GemmPack",
                        "Packs panels of " + view.dtype().text() + " " + width + " wide"
                                + (neighbours ? ", of neighbours" : ""),
                        1)
                .number("batches", batches1)
                .number("panels", panels)
                .number("pieces", pieces)
                .number("extent", view.dim(across))
                .number("depth", depth)
                .at("x", view)
                .number("batch0", view.stride(0))
                .number("batch1", view.stride(1))
                .number("across", view.stride(across))
                .number("along", view.stride(along))
                .at("to", packed)
                .prepares(LaunchCost.bytes(view) + floats * Float.BYTES)
                .launch(sink, (long) batches0 * batches1 * panels * pieces, _ -> pack(view.dtype(), width, neighbours));
        var step1 = batches1 == 1 ? 0L : panels;
        var step0 = batches0 == 1 ? 0L : (long) batches1 * panels;
        return new Packed(packed, step0, step1);
    }

    /**
     * An item packs a panel, over some depth. Elements of a depth are all loaded before the first is stored, since no
     * compiler knows that the two places do not overlap.
     *
     * @param neighbours whether those lie side by side: then items take panel after panel, so that they stay on a page
     */
    private static CodeBlock pack(DType dtype, int width, boolean neighbours) {
        var code = CodeBlock.builder()
                .add(neighbours ? """
                        final int panel = group % panels;
                        final int piece = group / panels % pieces;
                        """ : """
                        final int piece = group % pieces;
                        final int panel = group / pieces % panels;
                        """)
                .add("""
                        final int batch = group / pieces / panels;
                        final int from = x + batch / batches * batch0 + batch % batches * batch1 + panel * $1L * across;
                        final int width = extent - panel * $1L < $1L ? extent - panel * $1L : $1L;
                        final int first = piece * $2L;
                        final int end = first + $2L < depth ? first + $2L : depth;
                        int place = to + ((batch * panels + panel) * depth + first) * $1L;
                        """, width, PACKED)
                .beginControlFlow("if (width == $L)", width);
        if (!neighbours) {
            IntStream.range(0, width).forEach(i -> code.addStatement("final int row$1L = from + $1L * across", i));
        }
        code.beginControlFlow("for (int k = first; k < end; k++)")
                .addStatement("final int start = k * along$L", neighbours ? " + from" : "");
        for (var i = 0; i < width; i++) {
            code.addStatement(
                    "final float e$L = $L",
                    i,
                    TornadoKernel.load(dtype, neighbours ? "start + " + i : "row" + i + " + start"));
        }
        IntStream.range(0, width).forEach(i -> code.addStatement("f.set(place + $1L, e$1L)", i));
        return code.addStatement("place += $L", width)
                .endControlFlow()
                .nextControlFlow("else")
                .beginControlFlow("for (int k = first; k < end; k++)")
                .beginControlFlow("for (int i = 0; i < $L; i++)", width)
                .addStatement(
                        "f.set(place + i, i < width ? $L : 0f)",
                        TornadoKernel.load(dtype, "from + i * across + k * along"))
                .endControlFlow()
                .addStatement("place += $L", width)
                .endControlFlow()
                .endControlFlow()
                .build();
    }

    private static CodeBlock render(GemmEpilogue epilogue, TornadoKernel.Helpers helpers) {
        var code = CodeBlock.builder().add("""
                        final int itemRow = group % itemRows * $1L;
                        final int itemColumn = group / itemRows % itemColumns * $2L;
                        final int both = group / itemRows / itemColumns;
                        final int at1 = both % batches;
                        final int at0 = both / batches;
                        final int lastRow = itemRow + $1L < rowPanels ? itemRow + $1L : rowPanels;
                        final int lastColumn = itemColumn + $2L < columnPanels ? itemColumn + $2L : columnPanels;
                        for (int columnPanel = itemColumn; columnPanel < lastColumn; columnPanel++) {
                        for (int rowPanel = itemRow; rowPanel < lastRow; rowPanel++) {
                        int inA = a + (at0 * aBatch0 + at1 * aBatch1 + rowPanel) * depth * $3L;
                        int inB = b + (at0 * bBatch0 + at1 * bBatch1 + columnPanel) * depth * $4L;
                        """, ITEM_ROWS, ITEM_COLUMNS, ROWS, COLUMNS);
        each((i, j) -> code.addStatement("$T c$L_$L = $L", TornadoApi.FLOAT_8, i, j, vector(_ -> CodeBlock.of("0f"))));
        // Not unrolled: that is slower.
        code.beginControlFlow("for (int k = 0; k < depth; k++)");
        for (var j = 0; j < VECTORS; j++) {
            var first = j * LANES;
            code.addStatement(
                    "final $T b$L = $L",
                    TornadoApi.FLOAT_8,
                    j,
                    vector(lane -> CodeBlock.of("f.get(inB + $L)", first + lane)));
        }
        for (var i = 0; i < ROWS; i++) {
            var row = i;
            code.addStatement("final float e$L = f.get(inA + $L)", i, i)
                    .addStatement("final $T a$L = $L", TornadoApi.FLOAT_8, i, vector(_ -> CodeBlock.of("e$L", row)));
            for (var j = 0; j < VECTORS; j++) {
                code.addStatement("c$1L_$2L = $3T.add(c$1L_$2L, $3T.mult(a$1L, b$2L))", i, j, TornadoApi.FLOAT_8);
            }
        }
        code.addStatement("inA += $L", ROWS)
                .addStatement("inB += $L", COLUMNS)
                .endControlFlow()
                .addStatement("final float[] sums = new float[$L]", ROWS * COLUMNS);
        each((i, j) -> IntStream.range(0, LANES)
                .forEach(lane ->
                        code.addStatement("sums[$L] = c$L_$L.getS$L()", i * COLUMNS + j * LANES + lane, i, j, lane)));
        // Bounds that are not known when the kernel is compiled keep the loops from being unrolled, which would keep
        // the
        // epilogue out of vectors.
        return code.add("""
                        final int height = rows - rowPanel * $1L < $1L ? rows - rowPanel * $1L : $1L;
                        final int width = columns - columnPanel * $2L < $2L ? columns - columnPanel * $2L : $2L;
                        """, ROWS, COLUMNS)
                .beginControlFlow("for (int i = 0; i < height; i++)")
                .addStatement("final int row = rowPanel * $L + i", ROWS)
                .beginControlFlow("for (int j = 0; j < width; j++)")
                .addStatement("final int column = columnPanel * $L + j", COLUMNS)
                .add(epilogue.render(helpers, CodeBlock.of("sums[i * $L + j]", COLUMNS)))
                .endControlFlow()
                .endControlFlow()
                .add("}\n}\n")
                .build();
    }

    private interface Lane {
        CodeBlock value(int lane);
    }

    private static CodeBlock vector(Lane lane) {
        var values = IntStream.range(0, LANES).mapToObj(lane::value).toList();
        return CodeBlock.of("new $T($L)", TornadoApi.FLOAT_8, CodeBlock.join(values, ", "));
    }

    private static void each(GemmTemplate.Cell cell) {
        for (var i = 0; i < ROWS; i++) {
            for (var j = 0; j < VECTORS; j++) {
                cell.at(i, j);
            }
        }
    }
}
