package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import java.util.function.BiConsumer;
import javax.lang.model.element.Modifier;

/**
 * Renders the small matrix products of the attention kernels, all of whose factors fit a worker's scratch. Of a product
 * C = A·B, A's rows are {@value #STRIDE} floats apart, or its columns are; a constant, so that HotSpot checks the bounds
 * once before a loop and needs one register for all of a tile's rows. B lies in panels one vector wide, [columns /
 * lanes][depth][lanes], so that tiles of any number of vectors can walk it.
 *
 * <p>Tiles are 3 or 2 vectors wide, whichever leaves no panel over: 50 keys are 7 vectors of 256 bits, 3 + 2 + 2, where
 * tiles of one width would compute 8 or 9. Rows are padded instead: a tile computes rows that its product lacks from
 * whatever A's scratch holds there, into rows of C that nobody reads, or adds products of zeros.
 */
final class AttentionTiles {

    /** Floats from one row of a block of A to the next: an odd number of cache lines. */
    static final int STRIDE = 144;

    private static final String MULTIPLY = "multiply";
    private static final String MULTIPLY_TRANSPOSED = "multiplyTransposed";

    private final KernelClass kernel;
    private final int lanes;

    private AttentionTiles(KernelClass kernel) {
        this.kernel = kernel;
        this.lanes = kernel.library().lanes();
    }

    /**
     * Rows of a tile: with two vectors, 8 sums just hide the latency of a multiplication and addition, and with three, 9
     * are what C2 keeps in 16 registers without spilling; of 32 registers these leave some free.
     */
    private static int rows(int lanes, int vectors) {
        return lanes == 16 ? (vectors == 2 ? 8 : 6) : (vectors == 2 ? 4 : 3);
    }

    /** Rows that may be computed beyond those that a product has. */
    static int spareRows(int lanes) {
        return rows(lanes, 2) - 1;
    }

    /** Vectors that {@code columns} take: at least two, since no tile is narrower. */
    static int vectors(int lanes, int columns) {
        return Math.max(2, Math.ceilDiv(columns, lanes));
    }

    /**
     * Adds {@code multiply(x, depth, rows, vectors, a, b, panel, c, stride, accumulate)}: C = A·B, or C += A·B. All three
     * lie in {@code x}; {@code panel} is the number of floats from one panel of B to the next, {@code stride} from one row
     * of C to the next.
     */
    static void addMultiply(KernelClass kernel) {
        new AttentionTiles(kernel).add(MULTIPLY, "Tile", false);
    }

    /**
     * Adds {@code multiplyRows(x, depth, rows, room, columns, a, b, panel, c)}, after {@link #addMultiply}: for a C of rows
     * {@value #STRIDE} floats apart, and factors of any depth, of which A's lie as {@link AttentionPacking#addRows} says.
     */
    static void addMultiplyRows(KernelClass kernel) {
        kernel.add(method("multiplyRows", "depth", "rows", "room", "columns", "a", "b", "panel", "c")
                .addCode("""
                        final int vectors = Math.max(2, (columns + LANES - 1) / LANES);
                        for (int k = 0; k < depth; k += $1L) {
                            multiply(x, Math.min($1L, depth - k), rows, vectors, a + k * room, b + k * LANES, panel,
                                    c, $1L, k > 0);
                        }
                        """, STRIDE));
    }

    /** Adds {@code multiplyTransposed}, for an A whose columns are {@value #STRIDE} floats apart. */
    static void addMultiplyTransposed(KernelClass kernel) {
        new AttentionTiles(kernel).add(MULTIPLY_TRANSPOSED, "TransposedTile", true);
    }

    private void add(String name, String tile, boolean transposed) {
        var rowStep = transposed ? 1 : STRIDE;
        kernel.add(method(name, "depth", "rows", "vectors", "a", "b", "panel", "c", "stride")
                .addParameter(boolean.class, "accumulate", Modifier.FINAL)
                .addCode("""
                        for (int v = 0; v < vectors; ) {
                            final int left = vectors - v;
                            final int at = c + v * LANES;
                            if (left == 2 || left == 4) {
                                for (int i = 0; i < rows; i += $1L) {
                                    double$3L(x, depth, a + i * $4L, b + v * panel, panel, at + i * stride, stride, accumulate);
                                }
                                v += 2;
                            } else {
                                for (int i = 0; i < rows; i += $2L) {
                                    triple$3L(x, depth, a + i * $4L, b + v * panel, panel, at + i * stride, stride, accumulate);
                                }
                                v += 3;
                            }
                        }
                        """, rows(lanes, 2), rows(lanes, 3), tile, rowStep));
        kernel.add(tile("double" + tile, 2, transposed));
        kernel.add(tile("triple" + tile, 3, transposed));
    }

    private static MethodSpec.Builder method(String name, String... ints) {
        var method = MethodSpec.methodBuilder(name)
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .addParameter(float[].class, "x", Modifier.FINAL);
        for (var parameter : ints) {
            method.addParameter(int.class, parameter, Modifier.FINAL);
        }
        return method;
    }

    /** One tile of C, in registers. The loop is not unrolled: that makes C2 spill. */
    private MethodSpec.Builder tile(String name, int vectors, boolean transposed) {
        var body = CodeBlock.builder();
        var rows = rows(lanes, vectors);
        eachSum(rows, vectors, (i, v) -> body.addStatement("$T c$L_$L", Lanes.FLOAT_VECTOR, i, v));
        body.beginControlFlow("if (accumulate)");
        eachSum(
                rows,
                vectors,
                (i, v) -> body.addStatement(
                        "c$1L_$2L = $3T.fromArray(F, x, c + $1L * stride + $4L)", i, v, Lanes.FLOAT_VECTOR, v * lanes));
        body.nextControlFlow("else");
        eachSum(rows, vectors, (i, v) -> body.addStatement("c$L_$L = $T.zero(F)", i, v, Lanes.FLOAT_VECTOR));
        body.endControlFlow();
        body.beginControlFlow("for (int k = 0; k < depth; k++)");
        for (var v = 0; v < vectors; v++) {
            body.addStatement(
                    "final $1T b$2L = $1T.fromArray(F, x, b + $2L * panel + k * $3L)", Lanes.FLOAT_VECTOR, v, lanes);
        }
        for (var i = 0; i < rows; i++) {
            var at = transposed ? CodeBlock.of("k * $L + $L", STRIDE, i) : CodeBlock.of("k + $L", i * STRIDE);
            body.addStatement("final $1T a$2L = $1T.broadcast(F, x[a + $3L])", Lanes.FLOAT_VECTOR, i, at);
            for (var v = 0; v < vectors; v++) {
                body.addStatement("c$1L_$2L = a$1L.fma(b$2L, c$1L_$2L)", i, v);
            }
        }
        body.endControlFlow();
        eachSum(
                rows,
                vectors,
                (i, v) -> body.addStatement("c$1L_$2L.intoArray(x, c + $1L * stride + $3L)", i, v, v * lanes));
        return method(name, "depth", "a", "b", "panel", "c", "stride")
                .addParameter(boolean.class, "accumulate", Modifier.FINAL)
                .addCode(body.build());
    }

    private static void eachSum(int rows, int vectors, BiConsumer<Integer, Integer> statement) {
        for (var i = 0; i < rows; i++) {
            for (var v = 0; v < vectors; v++) {
                statement.accept(i, v);
            }
        }
    }
}
