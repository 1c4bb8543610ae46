package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.Consumer;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.Launch;

/**
 * {@link Gemm} for TornadoVM's compiler: a group computes a tile of C, whose slices of A and B pass through local memory; a
 * work item keeps some rows by some columns of sums, in scalars. The epilogue follows at once.
 */
final class GemmTemplate {

    /** Work items along each side of a tile. */
    private static final int SIDE = 16;

    private static final int GROUP = SIDE * SIDE;

    private static final String STEM = "Gemm";

    /**
     * A tile: the default, one that gives a product of few tiles more groups, and one that loads less for each sum. All take
     * less than the 48 KiB of local memory that a GPU's group has.
     */
    private static final List<Tile> TILES = List.of(new Tile(4, 4, 16), new Tile(2, 2, 16), new Tile(8, 4, 8));

    private GemmTemplate() {}

    /**
     * A way to cut products.
     *
     * @param itemRows rows of a work item
     * @param itemColumns columns of a work item
     * @param depth of a slice
     */
    private record Tile(int itemRows, int itemColumns, int depth) {

        int rows() {
            return SIDE * itemRows;
        }

        int columns() {
            return SIDE * itemColumns;
        }

        /** As text that an option may be named. */
        String name() {
            return rows() + "x" + columns() + "x" + depth;
        }

        void each(Cell cell) {
            for (var i = 0; i < itemRows; i++) {
                for (var j = 0; j < itemColumns; j++) {
                    cell.at(i, j);
                }
            }
        }
    }

    /** In one of several tiles. */
    static void choose(Gemm spec, Launch launch, CallSink sink) {
        var options = new LinkedHashMap<String, Consumer<CallSink>>();
        for (var chosen : TILES) {
            options.put(chosen.name(), to -> {
                for (var tile : TILES) {
                    var calls = tile.equals(chosen) ? to : new Redirecting.Skipping(to);
                    plan(spec, launch, kernel(STEM, spec, tile), tile, calls);
                }
            });
        }
        sink.choose(GemmChoice.name(STEM, spec, launch), options);
    }

    /** In the default tile. */
    static void plan(Gemm spec, Launch launch, CallSink sink) {
        plan(spec, launch, kernel(STEM, spec), sink);
    }

    /** A kernel for a gemm, to which arguments can be bound before {@link #plan} binds its own. */
    static TornadoKernel kernel(String stem, Gemm spec) {
        return kernel(stem, spec, TILES.getFirst());
    }

    private static TornadoKernel kernel(String stem, Gemm spec, Tile tile) {
        return new TornadoKernel(stem, stem + " of " + GemmChoice.describe(spec) + ", tiles of " + tile.name(), GROUP);
    }

    static void plan(Gemm spec, Launch launch, TornadoKernel kernel, CallSink sink) {
        plan(spec, launch, kernel, TILES.getFirst(), sink);
    }

    private static void plan(Gemm spec, Launch launch, TornadoKernel kernel, Tile tile, CallSink sink) {
        var epilogue = new GemmEpilogue(spec);
        var a = launch.inputs().get(0);
        var b = launch.inputs().get(1);
        var c = launch.outputs().getFirst();
        var rowTiles = Math.ceilDiv(c.dim(2), tile.rows());
        var columnTiles = Math.ceilDiv(c.dim(3), tile.columns());
        kernel.number("batches", c.dim(1))
                .number("rows", c.dim(2))
                .number("columns", c.dim(3))
                .number("depth", a.dim(3))
                .number("rowTiles", rowTiles)
                .number("columnTiles", columnTiles);
        for (var axis = 0; axis < 4; axis++) {
            kernel.number("as" + axis, a.stride(axis)).number("bs" + axis, b.stride(axis));
        }
        kernel.at("a", a).at("b", b);
        epilogue.bind(kernel, launch);
        kernel.prebuilt()
                .launch(
                        sink,
                        (long) c.dim(0) * c.dim(1) * rowTiles * columnTiles,
                        helpers -> render(spec, epilogue, tile, helpers));
    }

    private static CodeBlock render(Gemm spec, GemmEpilogue epilogue, Tile tile, TornadoKernel.Helpers helpers) {
        int rows = tile.rows();
        int columns = tile.columns();
        var code = CodeBlock.builder()
                .add(CodeBlock.of("""
                final int columnTile = group % columnTiles * $2L;
                final int rowTile = group / columnTiles % rowTiles * $1L;
                final int both = group / columnTiles / rowTiles;
                final int at1 = both % batches;
                final int at0 = both / batches;
                final int itemRow = local / $3L;
                final int itemColumn = local % $3L;
                final int aFirst = a + at0 * as0 + at1 * as1;
                final int bFirst = b + at0 * bs0 + at1 * bs1;
                final float[] aTile = context.allocateFloatLocalArray($4L);
                final float[] bTile = context.allocateFloatLocalArray($5L);
                """, rows, columns, SIDE, rows * tile.depth(), columns * tile.depth()));
        tile.each((i, j) -> code.addStatement("float c$L_$L = 0f", i, j));
        code.beginControlFlow("for (int k0 = 0; k0 < depth; k0 += $L)", tile.depth())
                .add(load(spec, tile))
                .addStatement("context.localBarrier()")
                .beginControlFlow("for (int k = 0; k < $L; k++)", tile.depth());
        for (var i = 0; i < tile.itemRows(); i++) {
            code.addStatement("final float a$1L = aTile[k * $2L + itemRow * $3L + $1L]", i, rows, tile.itemRows());
        }
        for (var j = 0; j < tile.itemColumns(); j++) {
            code.addStatement("final float b$L = bTile[k * $L + itemColumn + $L]", j, columns, j * SIDE);
        }
        tile.each((i, j) -> code.addStatement("c$1L_$2L += a$1L * b$2L", i, j));
        code.endControlFlow().addStatement("context.localBarrier()").endControlFlow();
        // Through local memory, so that the epilogue, which may be long, is there once, and that neighbours store
        // neighbours.
        code.addStatement("final float[] sums = context.allocateFloatLocalArray($L)", rows * columns);
        tile.each((i, j) -> code.addStatement(
                "sums[(itemRow * $1L + $2L) * $3L + itemColumn + $4L] = c$2L_$5L",
                tile.itemRows(),
                i,
                columns,
                j * SIDE,
                j));
        return code.addStatement("context.localBarrier()")
                .beginControlFlow("for (int e = local; e < $L; e += $L)", rows * columns, GROUP)
                .addStatement("final int row = rowTile + e / $L", columns)
                .addStatement("final int column = columnTile + e % $L", columns)
                .beginControlFlow("if (row < rows && column < columns)")
                .add(epilogue.render(helpers, CodeBlock.of("sums[e]")))
                .endControlFlow()
                .endControlFlow()
                .build();
    }

    /** A slice of A by rows, or by depth, whichever lies side by side in memory; and one of B. */
    private static CodeBlock load(Gemm spec, Tile tile) {
        var depth = tile.depth();
        var aIndex = spec.lhsRowMajor()
                ? CodeBlock.of("final int k = e % $1L;\nfinal int i = e / $1L;\n", depth)
                : CodeBlock.of("final int i = e % $1L;\nfinal int k = e / $1L;\n", tile.rows());
        var bIndex = spec.rhsRowMajor()
                ? CodeBlock.of("final int j = e % $1L;\nfinal int k = e / $1L;\n", tile.columns())
                : CodeBlock.of("final int k = e % $1L;\nfinal int j = e / $1L;\n", depth);
        return CodeBlock.builder()
                .beginControlFlow("for (int e = local; e < $L; e += $L)", tile.rows() * depth, GROUP)
                .add(aIndex)
                .addStatement("final boolean inside = rowTile + i < rows && k0 + k < depth")
                .addStatement(
                        "aTile[k * $L + i] = inside ? $L : 0f",
                        tile.rows(),
                        TornadoKernel.load(spec.lhs(), "aFirst + (rowTile + i) * as2 + (k0 + k) * as3"))
                .endControlFlow()
                .beginControlFlow("for (int e = local; e < $L; e += $L)", tile.columns() * depth, GROUP)
                .add(bIndex)
                .addStatement("final boolean inside = columnTile + j < columns && k0 + k < depth")
                .addStatement(
                        "bTile[k * $L + j] = inside ? $L : 0f",
                        tile.columns(),
                        TornadoKernel.load(spec.rhs(), "bFirst + (k0 + k) * bs2 + (columnTile + j) * bs3"))
                .endControlFlow()
                .build();
    }

    /** Renders something for a sum of a work item. */
    interface Cell {
        void at(int i, int j);
    }
}
