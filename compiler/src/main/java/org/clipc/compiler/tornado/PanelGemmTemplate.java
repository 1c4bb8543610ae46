package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.TypeName;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.LaunchCost;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * {@link Gemm} for CPUs: two kernels pack A and B into panels; then a work item computes tiles of a row panel by a column
 * panel, in vectors. Measured on PoCL (768x3072x768, two cores of a Zen 3): 70 to 75% of the peak, against 86 to 90% for the
 * same tile in OpenCL C, since TornadoVM writes products and sums as statements of their own, which no compiler contracts.
 * One column and 8 rows for an item, in scalars, ran at a twentieth of that: PoCL makes no vectors of neighbouring items.
 *
 * <p>A vector is built from its elements, which LLVM loads at once. TornadoVM's own vector loads take an array's header to
 * be 16 bytes.
 */
final class PanelGemmTemplate {

    /** Fits the 16 registers of 8 floats that AVX2 has. */
    private static final Tile NARROW = new Tile(6, 2, 8);

    /**
     * Fits the 32 registers of 16 floats that AVX-512 has, and is the default there: 768x3072x768 on a quiet Xeon takes 11.4
     * ms by it, 18.5 ms by the narrow one (OpenBLAS: 11.8 and 10.8 beside them).
     */
    private static final Tile WIDE = new Tile(12, 2, 16);

    /** The default of most devices, items that take fewer or more panels, and both sizes of the other tile. */
    private static final List<Cut> CUTS =
            List.of(NARROW.cut(), new Cut(NARROW, 4, 2), new Cut(NARROW, 16, 8), WIDE.cut(), new Cut(WIDE, 8, 4));

    /** Depth that an item packs. */
    private static final int PACKED = 32;

    private PanelGemmTemplate() {}

    /**
     * What an item computes at a time.
     *
     * @param rows width of the panels of A
     * @param vectors in a row
     * @param lanes floats of a vector: 8 or 16
     */
    private record Tile(int rows, int vectors, int lanes) {

        /** Width of the panels of B. */
        int columns() {
            return vectors * lanes;
        }

        /** Of 48 rows by 64 columns, so that a panel of B stays in the first-level cache and one of A in the second. */
        Cut cut() {
            return new Cut(this, 48 / rows, 64 / columns());
        }

        TypeName vector() {
            return lanes == 8 ? TornadoApi.FLOAT_8 : TornadoApi.FLOAT_16;
        }

        void each(GemmTemplate.Cell cell) {
            for (var i = 0; i < rows; i++) {
                for (var j = 0; j < vectors; j++) {
                    cell.at(i, j);
                }
            }
        }

        /** @param value of each lane */
        CodeBlock vector(IntFunction<CodeBlock> value) {
            var values = IntStream.range(0, lanes).mapToObj(value).toList();
            return CodeBlock.of("new $T($L)", vector(), CodeBlock.join(values, ", "));
        }
    }

    /**
     * How a product is cut.
     *
     * @param itemRows panels of A that an item goes through
     * @param itemColumns panels of B that an item goes through
     */
    private record Cut(Tile tile, int itemRows, int itemColumns) {

        /** As text that an option may be named. */
        String name() {
            return "%dx%d.%dx%d".formatted(tile.rows(), tile.columns(), itemRows, itemColumns);
        }
    }

    static void plan(Gemm spec, Launch launch, CallSink sink) {
        var tiles = CUTS.stream().map(Cut::tile).distinct().toList();
        var a = Operand.of(launch.inputs().get(0), 2, tiles.stream().map(Tile::rows), sink);
        var b = Operand.of(launch.inputs().get(1), 3, tiles.stream().map(Tile::columns), sink);
        var options = new LinkedHashMap<String, Consumer<CallSink>>();
        for (var chosen : CUTS) {
            options.put(chosen.name(), to -> {
                for (var tile : tiles) {
                    if (tile.equals(chosen.tile())) {
                        plan(spec, launch, chosen, a, b, to);
                    } else {
                        plan(spec, launch, tile.cut(), a, b, new Redirecting.Skipping(to));
                    }
                }
            });
        }
        sink.choose(
                GemmChoice.name("Gemm", spec, launch),
                options,
                new TreeMap<>(Map.of(WIDE.lanes(), WIDE.cut().name())));
    }

    private static void plan(Gemm spec, Launch launch, Cut cut, Operand a, Operand b, CallSink sink) {
        var epilogue = new GemmEpilogue(spec);
        var tile = cut.tile();
        var c = launch.outputs().getFirst();
        var rowPanels = Math.ceilDiv(c.dim(2), tile.rows());
        var columnPanels = Math.ceilDiv(c.dim(3), tile.columns());
        var batches = c.dim(0) * c.dim(1);
        a.pack(tile.rows(), sink);
        b.pack(tile.columns(), sink);
        var panelsOfRow = Math.min(cut.itemRows(), rowPanels);
        var panelsOfColumn = Math.min(cut.itemColumns(), columnPanels);
        var itemRows = Math.ceilDiv(rowPanels, panelsOfRow);
        var itemColumns = Math.ceilDiv(columnPanels, panelsOfColumn);
        var kernel = new TornadoKernel(
                        "Gemm",
                        "Gemm of panels of %d and %d, vectors of %d, %s"
                                .formatted(tile.rows(), tile.columns(), tile.lanes(), epilogue.describe()),
                        1)
                .number("batches", c.dim(1))
                .number("rows", c.dim(2))
                .number("columns", c.dim(3))
                .number("depth", a.depth())
                .number("rowPanels", rowPanels)
                .number("columnPanels", columnPanels)
                .number("panelsOfRow", panelsOfRow)
                .number("panelsOfColumn", panelsOfColumn)
                .number("itemRows", itemRows)
                .number("itemColumns", itemColumns)
                .at("a", a.packed())
                .at("b", b.packed());
        for (var axis = 0; axis < 2; axis++) {
            kernel.number("aBatch" + axis, a.batchPanels(axis, rowPanels))
                    .number("bBatch" + axis, b.batchPanels(axis, columnPanels));
        }
        epilogue.bind(kernel, launch);
        kernel.prebuilt()
                .launch(sink, (long) batches * itemRows * itemColumns, helpers -> render(epilogue, tile, helpers));
    }

    /**
     * An operand, and room to pack it into panels [depth, width] of any width that tiles have, zero where the operand ends.
     *
     * @param across the view's axis that runs across a panel: 2 or 3
     */
    private record Operand(View view, int across, View packed) {

        static Operand of(View view, int across, Stream<Integer> widths, CallSink sink) {
            var unplaced = new Operand(view, across, view);
            var floats = widths.mapToLong(unplaced::floats).max().orElseThrow();
            return new Operand(view, across, sink.temporary(DType.F32, List.of(Math.toIntExact(floats))));
        }

        private int along() {
            return 5 - across;
        }

        int depth() {
            return view.dim(along());
        }

        private int panels(int width) {
            return Math.ceilDiv(view.dim(across), width);
        }

        /** Batches that differ along an axis. */
        private int batches(int axis) {
            return view.stride(axis) == 0 ? 1 : view.dim(axis);
        }

        private long floats(int width) {
            return (long) batches(0) * batches(1) * panels(width) * depth() * width;
        }

        /** Panels from one batch index to the next; 0 where the operand is the same for all. */
        long batchPanels(int axis, int panels) {
            if (batches(axis) == 1) {
                return 0;
            }
            return axis == 1 ? panels : (long) batches(1) * panels;
        }

        void pack(int width, CallSink sink) {
            var pieces = Math.ceilDiv(depth(), PACKED);
            var neighbours = view.stride(across) == 1;
            new TornadoKernel(
                            "GemmPack",
                            "Packs panels of " + view.dtype().text() + " " + width + " wide"
                                    + (neighbours ? ", of neighbours" : ""),
                            1)
                    .number("batches", batches(1))
                    .number("panels", panels(width))
                    .number("pieces", pieces)
                    .number("extent", view.dim(across))
                    .number("depth", depth())
                    .at("x", view)
                    .number("batch0", view.stride(0))
                    .number("batch1", view.stride(1))
                    .number("across", view.stride(across))
                    .number("along", view.stride(along()))
                    .at("to", packed)
                    .prepares(LaunchCost.bytes(view) + floats(width) * Float.BYTES)
                    .launch(
                            sink,
                            (long) batches(0) * batches(1) * panels(width) * pieces,
                            _ -> PanelGemmTemplate.pack(view.dtype(), width, neighbours));
        }
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

    private static CodeBlock render(GemmEpilogue epilogue, Tile tile, TornadoKernel.Helpers helpers) {
        var code = CodeBlock.builder().add("""
                        final int itemRow = group % itemRows * panelsOfRow;
                        final int itemColumn = group / itemRows % itemColumns * panelsOfColumn;
                        final int both = group / itemRows / itemColumns;
                        final int at1 = both % batches;
                        final int at0 = both / batches;
                        final int lastRow = itemRow + panelsOfRow < rowPanels ? itemRow + panelsOfRow : rowPanels;
                        final int endColumn = itemColumn + panelsOfColumn;
                        final int lastColumn = endColumn < columnPanels ? endColumn : columnPanels;
                        for (int columnPanel = itemColumn; columnPanel < lastColumn; columnPanel++) {
                        for (int rowPanel = itemRow; rowPanel < lastRow; rowPanel++) {
                        int inA = a + (at0 * aBatch0 + at1 * aBatch1 + rowPanel) * depth * $1L;
                        int inB = b + (at0 * bBatch0 + at1 * bBatch1 + columnPanel) * depth * $2L;
                        """, tile.rows(), tile.columns());
        var vector = tile.vector();
        tile.each((i, j) -> code.addStatement("$T c$L_$L = $L", vector, i, j, tile.vector(_ -> CodeBlock.of("0f"))));
        // Not unrolled: that is slower.
        code.beginControlFlow("for (int k = 0; k < depth; k++)");
        for (var j = 0; j < tile.vectors(); j++) {
            var first = j * tile.lanes();
            code.addStatement(
                    "final $T b$L = $L", vector, j, tile.vector(lane -> CodeBlock.of("f.get(inB + $L)", first + lane)));
        }
        for (var i = 0; i < tile.rows(); i++) {
            var row = i;
            code.addStatement("final float e$L = f.get(inA + $L)", i, i)
                    .addStatement("final $T a$L = $L", vector, i, tile.vector(_ -> CodeBlock.of("e$L", row)));
            for (var j = 0; j < tile.vectors(); j++) {
                code.addStatement("c$1L_$2L = $3T.add(c$1L_$2L, $3T.mult(a$1L, b$2L))", i, j, vector);
            }
        }
        code.addStatement("inA += $L", tile.rows())
                .addStatement("inB += $L", tile.columns())
                .endControlFlow()
                .addStatement("final float[] sums = new float[$L]", tile.rows() * tile.columns());
        tile.each((i, j) -> IntStream.range(0, tile.lanes())
                .forEach(lane -> code.addStatement(
                        "sums[$L] = c$L_$L.getS$L()", i * tile.columns() + j * tile.lanes() + lane, i, j, lane)));
        // Bounds that are not known when the kernel is compiled keep the loops from being unrolled, which would
        // keep the epilogue out of vectors.
        return code.add("""
                        final int height = rows - rowPanel * $1L < $1L ? rows - rowPanel * $1L : $1L;
                        final int width = columns - columnPanel * $2L < $2L ? columns - columnPanel * $2L : $2L;
                        """, tile.rows(), tile.columns())
                .beginControlFlow("for (int i = 0; i < height; i++)")
                .addStatement("final int row = rowPanel * $L + i", tile.rows())
                .beginControlFlow("for (int j = 0; j < width; j++)")
                .addStatement("final int column = columnPanel * $L + j", tile.columns())
                .add(epilogue.render(helpers, CodeBlock.of("sums[i * $L + j]", tile.columns())))
                .endControlFlow()
                .endControlFlow()
                .add("}\n}\n")
                .build();
    }
}
