package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.Launch;

/**
 * {@link Gemm} for TornadoVM's compiler: a group computes a tile of C, whose slices of A and B pass through local memory; a
 * work item keeps {@value #PER_ITEM} by {@value #PER_ITEM} sums, in scalars. The epilogue follows at once.
 */
final class GemmTemplate {

    /** Work items along each side of a tile. */
    private static final int SIDE = 16;

    /** Rows, and columns, of a work item. */
    private static final int PER_ITEM = 4;

    private static final int GROUP = SIDE * SIDE;
    private static final int TILE = SIDE * PER_ITEM;

    /** Depth of a slice. */
    private static final int DEPTH = 16;

    private GemmTemplate() {}

    static void plan(Gemm spec, Launch launch, CallSink sink) {
        plan(spec, launch, kernel("Gemm", spec), sink);
    }

    /** A kernel for a gemm, to which arguments can be bound before {@link #plan} binds its own. */
    static TornadoKernel kernel(String stem, Gemm spec) {
        return new TornadoKernel(stem, stem + " of " + describe(spec), GROUP);
    }

    static String describe(Gemm spec) {
        return GemmEpilogue.describeFactors(spec) + ", " + new GemmEpilogue(spec).describe();
    }

    static void plan(Gemm spec, Launch launch, TornadoKernel kernel, CallSink sink) {
        var epilogue = new GemmEpilogue(spec);
        var a = launch.inputs().get(0);
        var b = launch.inputs().get(1);
        var c = launch.outputs().getFirst();
        var rowTiles = Math.ceilDiv(c.dim(2), TILE);
        var columnTiles = Math.ceilDiv(c.dim(3), TILE);
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
                        helpers -> render(spec, epilogue, helpers));
    }

    private static CodeBlock render(Gemm spec, GemmEpilogue epilogue, TornadoKernel.Helpers helpers) {
        var code = CodeBlock.builder().add(CodeBlock.of("""
                final int columnTile = group % columnTiles * $1L;
                final int rowTile = group / columnTiles % rowTiles * $1L;
                final int both = group / columnTiles / rowTiles;
                final int at1 = both % batches;
                final int at0 = both / batches;
                final int itemRow = local / $2L;
                final int itemColumn = local % $2L;
                final int aFirst = a + at0 * as0 + at1 * as1;
                final int bFirst = b + at0 * bs0 + at1 * bs1;
                final float[] aTile = context.allocateFloatLocalArray($3L);
                final float[] bTile = context.allocateFloatLocalArray($3L);
                """, TILE, SIDE, TILE * DEPTH));
        each((i, j) -> code.addStatement("float c$L_$L = 0f", i, j));
        code.beginControlFlow("for (int k0 = 0; k0 < depth; k0 += $L)", DEPTH)
                .add(load(spec))
                .addStatement("context.localBarrier()")
                .beginControlFlow("for (int k = 0; k < $L; k++)", DEPTH);
        for (var i = 0; i < PER_ITEM; i++) {
            code.addStatement("final float a$L = aTile[k * $L + itemRow * $L + $L]", i, TILE, PER_ITEM, i);
            code.addStatement("final float b$L = bTile[k * $L + itemColumn + $L]", i, TILE, i * SIDE);
        }
        each((i, j) -> code.addStatement("c$1L_$2L += a$1L * b$2L", i, j));
        code.endControlFlow().addStatement("context.localBarrier()").endControlFlow();
        // Through local memory, so that the epilogue, which may be long, is there once, and that neighbours store
        // neighbours.
        code.addStatement("final float[] sums = context.allocateFloatLocalArray($L)", TILE * TILE);
        each((i, j) -> code.addStatement(
                "sums[(itemRow * $1L + $2L) * $3L + itemColumn + $4L] = c$2L_$5L", PER_ITEM, i, TILE, j * SIDE, j));
        return code.addStatement("context.localBarrier()")
                .beginControlFlow("for (int e = local; e < $L; e += $L)", TILE * TILE, GROUP)
                .addStatement("final int row = rowTile + e / $L", TILE)
                .addStatement("final int column = columnTile + e % $L", TILE)
                .beginControlFlow("if (row < rows && column < columns)")
                .add(epilogue.render(helpers, CodeBlock.of("sums[e]")))
                .endControlFlow()
                .endControlFlow()
                .build();
    }

    /** A slice of A by rows, or by depth, whichever lies side by side in memory; and one of B. */
    private static CodeBlock load(Gemm spec) {
        var aIndex = spec.lhsRowMajor()
                ? CodeBlock.of("final int k = e % $1L;\nfinal int i = e / $1L;\n", DEPTH)
                : CodeBlock.of("final int i = e % $1L;\nfinal int k = e / $1L;\n", TILE);
        var bIndex = spec.rhsRowMajor()
                ? CodeBlock.of("final int j = e % $1L;\nfinal int k = e / $1L;\n", TILE)
                : CodeBlock.of("final int k = e % $1L;\nfinal int j = e / $1L;\n", DEPTH);
        return CodeBlock.builder()
                .beginControlFlow("for (int e = local; e < $L; e += $L)", TILE * DEPTH, GROUP)
                .add(aIndex)
                .addStatement("final boolean inside = rowTile + i < rows && k0 + k < depth")
                .addStatement(
                        "aTile[k * $L + i] = inside ? $L : 0f",
                        TILE,
                        TornadoKernel.load(spec.lhs(), "aFirst + (rowTile + i) * as2 + (k0 + k) * as3"))
                .endControlFlow()
                .beginControlFlow("for (int e = local; e < $L; e += $L)", TILE * DEPTH, GROUP)
                .add(bIndex)
                .addStatement("final boolean inside = columnTile + j < columns && k0 + k < depth")
                .addStatement(
                        "bTile[k * $L + j] = inside ? $L : 0f",
                        TILE,
                        TornadoKernel.load(spec.rhs(), "bFirst + (k0 + k) * bs2 + (columnTile + j) * bs3"))
                .endControlFlow()
                .build();
    }

    /** Renders something for a sum of a work item. */
    interface Cell {
        void at(int i, int j);
    }

    private static void each(Cell cell) {
        for (var i = 0; i < PER_ITEM; i++) {
            for (var j = 0; j < PER_ITEM; j++) {
                cell.at(i, j);
            }
        }
    }
}
