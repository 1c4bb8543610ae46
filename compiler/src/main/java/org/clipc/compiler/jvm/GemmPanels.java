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
 * <p>A panel holds a fixed number of rows of A (or columns of B), interleaved: row i at depth k is element k·width + i.
 * Rows that the matrix lacks are zero. {@code run} packs a whole operand into the shared scratch: depth chunk after depth
 * chunk, and within a chunk panel after panel.
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
            "sharedPerBatch");

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
                .add(LAYOUT.declareInts("rowsPerUnit", "sharedPerBatch"))
                .add(LAYOUT.declareLongs("at", "batch1", "batch2", "rowStride", "depthStride"))
                .add("""
                        final int width = form % 2 == 0 ? $L : $L;
                        final int padded = (rows + width - 1) / width * width;
                        final int unitsPerBatch = (rows + rowsPerUnit - 1) / rowsPerUnit;
                        for (int unit = from; unit < to; unit++) {
                            final int batch = unit / unitsPerBatch;
                            final int row = unit % unitsPerBatch * rowsPerUnit;
                            final int n = Math.min(rowsPerUnit, rows - row);
                            final long b1 = (batchFrom + batch) / batch2Extent;
                            final long b2 = (batchFrom + batch) % batch2Extent;
                            final long start = at + b1 * batch1 + b2 * batch2 + row * rowStride;
                            for (int k = 0; k < depth; k += chunk) {
                                final int kc = Math.min(chunk, depth - k);
                                pack(arena, form, start + k * depthStride, rowStride, depthStride, n, kc,
                                        shared, batch * sharedPerBatch + k * padded + row * kc);
                            }
                        }
                        """, tile.rows(), tile.columns())
                .build();
    }

    /** Packs some rows, over a chunk of depth, into panels from {@code to[first]} on. */
    private static MethodSpec.Builder pack() {
        var body = CodeBlock.builder().beginControlFlow("switch (form)");
        var forms = GemmPacking.Form.all();
        for (var form : forms) {
            body.addStatement(
                    "$L -> $L(arena, at, $L, rows, depth, to, first)",
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
                .addCode(body.endControlFlow().build());
    }

    private static MethodSpec.Builder shared(String name, TypeName returns) {
        return MethodSpec.methodBuilder(name)
                .addModifiers(Modifier.PUBLIC, Modifier.STATIC)
                .returns(returns);
    }

    /**
     * Multiplies panels of A with panels of B. B's panel stays in the first-level cache while those of A pass; meanwhile
     * its successor ({@code after} that of the last), which may come from far, is touched line by line. Returns a number of
     * no meaning, which keeps these loads from being optimised away.
     */
    private MethodSpec.Builder multiply() {
        return factors(shared("multiply", TypeName.FLOAT)
                        .addParameter(int.class, "depth", Modifier.FINAL)
                        .addParameter(int.class, "rows", Modifier.FINAL)
                        .addParameter(int.class, "columns", Modifier.FINAL)
                        .addParameter(int.class, "after", Modifier.FINAL))
                .addCode("""
                        final int lines = (depth * $2L + 15) / 16;
                        final int share = (lines * $1L + rows - 1) / rows;
                        float touched = 0;
                        for (int j = 0; j < columns; j += $2L) {
                            int next = j + $2L < columns ? bFirst + (j + $2L) * depth : after;
                            for (int i = 0; i < rows; i += $1L) {
                                touched += touch(b, next, share);
                                next += share * 16;
                                tile(depth, a, aFirst + i * depth, b, bFirst + j * depth,
                                        c, cFirst + i * cStride + j, cStride, accumulate);
                            }
                        }
                        return touched;
                        """, tile.rows(), tile.columns());
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

    /** The micro-kernel: one tile of C, in registers. The loop is not unrolled: that makes C2 spill. */
    private MethodSpec.Builder tile() {
        var body = CodeBlock.builder();
        eachSum((i, j) -> body.addStatement("$T c$L_$L", Lanes.FLOAT_VECTOR, i, j));
        body.beginControlFlow("if (accumulate)");
        eachSum((i, j) -> body.addStatement(
                "c$L_$L = $T.fromArray(F, c, cFirst + $L * cStride + $L)",
                i,
                j,
                Lanes.FLOAT_VECTOR,
                i,
                j * tile.lanes()));
        body.nextControlFlow("else");
        eachSum((i, j) -> body.addStatement("c$L_$L = $T.zero(F)", i, j, Lanes.FLOAT_VECTOR));
        body.endControlFlow();
        body.add(walk()).add(products()).endControlFlow();
        eachSum((i, j) ->
                body.addStatement("c$L_$L.intoArray(c, cFirst + $L * cStride + $L)", i, j, i, j * tile.lanes()));
        return factors(MethodSpec.methodBuilder("tile")
                        .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                        .addParameter(int.class, "depth", Modifier.FINAL))
                .addCode(body.build());
    }

    /**
     * Begins the loop over the depth. Where one position can address both panels, a step of a 3x3 tile takes 20
     * instructions instead of 25.
     */
    private CodeBlock walk() {
        if (sharesPosition()) {
            return CodeBlock.of("""
                    final int shift = bFirst - aFirst * $2L;
                    final int end = aFirst + depth * $1L;
                    for (int inA = aFirst; inA < end; inA += $1L) {$>
                    """, tile.rows(), tile.columns() / tile.rows());
        }
        return CodeBlock.of("""
                for (int k = 0; k < depth; k++) {$>
                final int inA = aFirst + k * $L;
                """, tile.rows());
    }

    /** Loads the side with fewer registers, then uses up the other register by register: C2 keeps this order, more or less. */
    private CodeBlock products() {
        var code = CodeBlock.builder();
        if (tile.rows() <= tile.vectors()) {
            IntStream.range(0, tile.rows()).forEach(i -> code.add(loadA(i)));
            for (var j = 0; j < tile.vectors(); j++) {
                code.add(loadB(j));
                for (var i = 0; i < tile.rows(); i++) {
                    code.addStatement("c$1L_$2L = b$2L.fma(a$1L, c$1L_$2L)", i, j);
                }
            }
        } else {
            IntStream.range(0, tile.vectors()).forEach(j -> code.add(loadB(j)));
            for (var i = 0; i < tile.rows(); i++) {
                code.add(loadA(i));
                for (var j = 0; j < tile.vectors(); j++) {
                    code.addStatement("c$1L_$2L = a$1L.fma(b$2L, c$1L_$2L)", i, j);
                }
            }
        }
        return code.build();
    }

    private static CodeBlock loadA(int i) {
        return CodeBlock.of("final $1T a$2L = $1T.broadcast(F, a[inA + $2L]);\n", Lanes.FLOAT_VECTOR, i);
    }

    private CodeBlock loadB(int j) {
        return CodeBlock.of(
                "final $1T b$2L = $1T.fromArray(F, b, $3L);\n", Lanes.FLOAT_VECTOR, j, inB(j * tile.lanes()));
    }

    private CodeBlock inB(int column) {
        return sharesPosition()
                ? CodeBlock.of("inA * $L + shift + $L", tile.columns() / tile.rows(), column)
                : CodeBlock.of("bFirst + k * $L + $L", tile.columns(), column);
    }

    private boolean sharesPosition() {
        return tile.columns() % tile.rows() == 0;
    }

    private void eachSum(BiConsumer<Integer, Integer> statement) {
        for (var i = 0; i < tile.rows(); i++) {
            for (var j = 0; j < tile.vectors(); j++) {
                statement.accept(i, j);
            }
        }
    }
}
