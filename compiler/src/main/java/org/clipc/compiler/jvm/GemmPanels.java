package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import java.lang.foreign.MemorySegment;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.RenderedKernel;

/**
 * Renders the class that all gemm kernels of a vector width share, so that the JVM optimises its loops once: it packs
 * matrices into panels and multiplies panels.
 *
 * <p>A panel holds a fixed number of rows of A (or columns of B), interleaved: row i at depth k is element k·pitch + i;
 * where {@link GemmTile#hasStrips}, a panel of B is several such strips, each as wide as a vector. Rows and columns that
 * the matrix lacks are zero, and what the pitch leaves between two steps is undefined. {@code run} packs rows into the
 * shared scratch, from {@code first} on: depth chunk after depth chunk, and within a chunk panel after panel. Its units are
 * slices of a chunk of some rows.
 */
final class GemmPanels {

    /** Arguments of {@code run}: {@code at} and strides in bytes, the rest in elements. */
    static final ArgumentLayout LAYOUT = ArgumentLayout.of(
            "at",
            "batch1",
            "batch2",
            "batch2Extent",
            "batchFrom",
            "rowStride",
            "depthStride",
            "rows",
            "depth",
            "chunk",
            "form",
            "rowsPerUnit",
            "slice",
            "first",
            "perBatch");

    /** Positions of strips, and depths, are no greater; both are one below a power of two. */
    static final int MAX_POSITION = (1 << 30) - 1;

    static final int MAX_DEPTH = (1 << 16) - 1;

    private final GemmTile tile;
    private final KernelClass kernel;

    private GemmPanels(GemmTile tile, KernelClass kernel) {
        this.tile = tile;
        this.kernel = kernel;
    }

    static RenderedKernel kernel(GemmTile tile) {
        return KernelClass.kernel(
                tile.bits(),
                "GemmPanels",
                "Packs and multiplies panels, in tiles of " + tile.rows() + "x" + tile.columns(),
                LAYOUT,
                kernel -> new GemmPanels(tile, kernel).render());
    }

    static ClassName className(GemmTile tile) {
        return ClassName.bestGuess(kernel(tile).className());
    }

    private void render() {
        kernel.run(run());
        kernel.add(pack());
        var packing = new GemmPacking(tile, kernel);
        for (var form : GemmPacking.Form.all()) {
            packing.add(form);
        }
        kernel.add(multiply());
        kernel.add(touch());
        kernel.add(tile());
    }

    private CodeBlock run() {
        return CodeBlock.builder()
                .add(LAYOUT.declareInts("batch2Extent", "batchFrom", "rows", "depth", "chunk", "form"))
                .add(LAYOUT.declareInts("rowsPerUnit", "slice", "first", "perBatch"))
                .add(LAYOUT.declareLongs("at", "batch1", "batch2", "rowStride", "depthStride"))
                .add("""
                        final int width = form % 2 == 0 ? $1L : $2L;
                        final int pitch = form % 2 == 0 ? $3L : $2L;
                        final int step = form % 2 == 0 ? $3L : $4L;
                        final int padded = (rows + width - 1) / width * pitch;
                        final int slices = (chunk + slice - 1) / slice;
                        final int cuts = (depth + chunk - 1) / chunk * slices;
                        final int unitsPerBatch = (rows + rowsPerUnit - 1) / rowsPerUnit * cuts;
                        for (int unit = from; unit < to; unit++) {
                            final int batch = unit / unitsPerBatch;
                            final int row = unit % unitsPerBatch / cuts * rowsPerUnit;
                            final int k = unit % cuts / slices * chunk;
                            final int inChunk = unit % slices * slice;
                            final int kc = Math.min(chunk, depth - k);
                            final int n = Math.min(slice, kc - inChunk);
                            if (n > 0) {
                                final long b1 = (batchFrom + batch) / batch2Extent;
                                final long b2 = (batchFrom + batch) % batch2Extent;
                                final long start = at + b1 * batch1 + b2 * batch2 + row * rowStride;
                                pack(arena, form, start + (k + inChunk) * depthStride, rowStride, depthStride,
                                        Math.min(rowsPerUnit, rows - row), n, shared,
                                        first + batch * perBatch + k * padded + row / width * pitch * kc + inChunk * step, kc);
                            }
                        }
                        """, tile.rows(), tile.columns(), tile.pitch(), tile.strip())
                .build();
    }

    /** Packs some rows, over some depth, from {@code to[first]} on into panels that are {@code panelDepth} deep. */
    private static MethodSpec.Builder pack() {
        var body = CodeBlock.builder().beginControlFlow("switch (form)");
        var forms = GemmPacking.Form.all();
        for (var form : forms) {
            body.addStatement(
                    "$L -> $L(arena, at, $L, depth, to, first, rows, panelDepth)",
                    form.equals(forms.getLast()) ? "default" : "case " + form.code(),
                    form.methodName(),
                    form.across() ? "rowStride" : "depthStride");
        }
        return shared("pack", TypeName.VOID)
                .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                .addParameter(int.class, "form", Modifier.FINAL)
                .addParameter(long.class, "at", Modifier.FINAL)
                .addParameter(long.class, "rowStride", Modifier.FINAL)
                .addParameter(long.class, "depthStride", Modifier.FINAL)
                .addParameter(int.class, "rows", Modifier.FINAL)
                .addParameter(int.class, "depth", Modifier.FINAL)
                .addParameter(float[].class, "to", Modifier.FINAL)
                .addParameter(int.class, "first", Modifier.FINAL)
                .addParameter(int.class, "panelDepth", Modifier.FINAL)
                .addCode(body.endControlFlow().build());
    }

    private static MethodSpec.Builder shared(String name, TypeName returns) {
        return MethodSpec.methodBuilder(name)
                .addModifiers(Modifier.PUBLIC, Modifier.STATIC)
                .returns(returns);
    }

    /**
     * Multiplies panels of A with panels of B. B's panel stays in the first-level cache while those of A pass; meanwhile
     * its successor ({@code after} that of the last), which may come from far, is touched line by line, where that is wanted.
     * Returns a number of no meaning, which keeps these loads from being optimised away.
     */
    private MethodSpec.Builder multiply() {
        return factors(shared("multiply", TypeName.FLOAT)
                        .addParameter(int.class, "depth", Modifier.FINAL)
                        .addParameter(int.class, "rows", Modifier.FINAL)
                        .addParameter(int.class, "columns", Modifier.FINAL)
                        .addParameter(boolean.class, "touches", Modifier.FINAL)
                        .addParameter(int.class, "after", Modifier.FINAL))
                .addCode("""
                        final int lines = (depth * $2L + 15) / 16;
                        final int share = (lines * $1L + rows - 1) / rows;
                        float touched = 0;
                        for (int j = 0; j < columns; j += $2L) {
                            int next = j + $2L < columns ? bFirst + (j + $2L) * depth : after;
                            int aNext = aFirst;
                            for (int i = 0; i < rows; i += $1L) {
                                if (touches) {
                                    touched += touch(b, next, share);
                                    next += share * 16;
                                }
                                tile(depth, a, aNext, b, bFirst + j * depth,
                                        c, cFirst + i * cStride + j, cStride, accumulate);
                                aNext += depth * $3L;
                            }
                        }
                        return touched;
                        """, tile.rows(), tile.columns(), tile.pitch());
    }

    private static MethodSpec.Builder touch() {
        return MethodSpec.methodBuilder("touch")
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .returns(float.class)
                .addParameter(float[].class, "x", Modifier.FINAL)
                .addParameter(int.class, "first", Modifier.FINAL)
                .addParameter(int.class, "lines", Modifier.FINAL)
                .addCode("""
                        final int end = Math.min(first + lines * 16, x.length);
                        float sum = 0;
                        for (int i = first; i < end; i += 16) {
                            sum += x[i];
                        }
                        return sum;
                        """);
    }

    private static MethodSpec.Builder factors(MethodSpec.Builder method) {
        return method.addParameter(float[].class, "a", Modifier.FINAL)
                .addParameter(int.class, "aFirst", Modifier.FINAL)
                .addParameter(float[].class, "b", Modifier.FINAL)
                .addParameter(int.class, "bFirst", Modifier.FINAL)
                .addParameter(float[].class, "c", Modifier.FINAL)
                .addParameter(int.class, "cFirst", Modifier.FINAL)
                .addParameter(int.class, "cStride", Modifier.FINAL)
                .addParameter(boolean.class, "accumulate", Modifier.FINAL);
    }

    /**
     * The micro-kernel: one tile of C, in registers. The loop is not unrolled: that makes C2 spill. What C holds is added
     * at the end, so that its addresses take no registers during the loop.
     */
    private MethodSpec.Builder tile() {
        var body = CodeBlock.builder();
        eachSum((i, j) -> body.addStatement("$1T c$2L_$3L = $1T.zero(F)", Lanes.FLOAT_VECTOR, i, j));
        body.add(tile.hasStrips() ? alongStrips() : byStep());
        body.add(products()).endControlFlow();
        body.beginControlFlow("if (accumulate)");
        eachSum((i, j) -> body.addStatement(
                "c$1L_$2L = c$1L_$2L.add($3T.fromArray(F, c, cFirst + $1L * cStride + $4L))",
                i,
                j,
                Lanes.FLOAT_VECTOR,
                j * tile.lanes()));
        body.endControlFlow();
        eachSum((i, j) ->
                body.addStatement("c$1L_$2L.intoArray(c, cFirst + $1L * cStride + $3L)", i, j, j * tile.lanes()));
        return factors(MethodSpec.methodBuilder("tile")
                        .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                        .addParameter(int.class, "depth", Modifier.FINAL))
                .addCode(body.build());
    }

    private static CodeBlock byStep() {
        return CodeBlock.of("for (int k = 0; k < depth; k++) {$>\n");
    }

    /**
     * Begins the loop over the depth where panels of B are strips. With the masks C2 knows that positions in B cannot
     * overflow, so it adds a strip's start to the address of the array before the loop, and one register addresses all
     * strips. Positions in A take an addition; without it all of A's loads would be ready, and be done, before the
     * products. A step of 6x2 takes 25 instructions for 12 products, which beside a busy hardware thread is 10% faster
     * than the 31 of panels without strips, and as fast where the core has nothing else to do (Zen 3).
     */
    private CodeBlock alongStrips() {
        var code = CodeBlock.builder();
        for (var j = 0; j < tile.vectors(); j++) {
            code.addStatement("final int strip$1L = (bFirst + $2L * depth) & $3L", j, j * tile.lanes(), MAX_POSITION);
        }
        return code.add("""
                final int end = (depth & $L) * $L;
                for (int p = 0; p < end; p += $L) {$>
                final int inA = aFirst + p * $L;
                """, MAX_DEPTH, tile.lanes(), tile.lanes(), tile.pitch() / tile.lanes())
                .build();
    }

    /** Loads B's vectors, then uses up A's numbers one by one: C2 keeps this order, more or less. */
    private CodeBlock products() {
        var code = CodeBlock.builder();
        IntStream.range(0, tile.vectors()).forEach(j -> code.add(loadB(j)));
        for (var i = 0; i < tile.rows(); i++) {
            code.add(loadA(i));
            for (var j = 0; j < tile.vectors(); j++) {
                code.addStatement("c$1L_$2L = a$1L.fma(b$2L, c$1L_$2L)", i, j);
            }
        }
        return code.build();
    }

    private CodeBlock loadA(int i) {
        var at = tile.hasStrips() ? CodeBlock.of("inA + $L", i) : CodeBlock.of("aFirst + k * $L + $L", tile.pitch(), i);
        return CodeBlock.of("final $1T a$2L = $1T.broadcast(F, a[$3L]);\n", Lanes.FLOAT_VECTOR, i, at);
    }

    private CodeBlock loadB(int j) {
        var at = tile.hasStrips()
                ? CodeBlock.of("strip$L + p", j)
                : CodeBlock.of("bFirst + k * $L + $L", tile.columns(), j * tile.lanes());
        return CodeBlock.of("final $1T b$2L = $1T.fromArray(F, b, $3L);\n", Lanes.FLOAT_VECTOR, j, at);
    }

    private void eachSum(BiConsumer<Integer, Integer> statement) {
        for (var i = 0; i < tile.rows(); i++) {
            for (var j = 0; j < tile.vectors(); j++) {
                statement.accept(i, j);
            }
        }
    }
}
