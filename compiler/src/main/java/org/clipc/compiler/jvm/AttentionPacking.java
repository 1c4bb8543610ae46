package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.ParameterSpec;
import com.palantir.javapoet.TypeName;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import org.clipc.ir.DType;

/**
 * Renders the methods that carry rows of attention's operands from the arena into a worker's scratch, as factors for
 * {@link AttentionTiles}, and of its results back.
 */
final class AttentionPacking {

    private AttentionPacking() {}

    private static ParameterSpec parameter(TypeName type, String name) {
        return ParameterSpec.builder(type, name, Modifier.FINAL).build();
    }

    /** Begins a method that reads rows, the first {@code at}, the next {@code rowBytes} behind. */
    private static MethodSpec.Builder fromRows(KernelClass kernel, String name, String... ints) {
        return method(kernel, name, ints)
                .addParameter(parameter(TypeName.LONG, "at"))
                .addParameter(parameter(TypeName.LONG, "rowBytes"));
    }

    private static MethodSpec.Builder method(KernelClass kernel, String name, String... ints) {
        return kernel.method(name)
                .addParameters(
                        Stream.of(ints).map(i -> parameter(TypeName.INT, i)).toList());
    }

    /** Adds all methods below, for operands and results of {@code dtype}. */
    static void add(KernelClass kernel, DType dtype) {
        addRows(kernel, dtype);
        addPanels(kernel, dtype);
        addTransposed(kernel);
        addStoreRow(kernel, dtype);
        addClear(kernel);
        addHide(kernel);
        addTotal(kernel);
    }

    /** Adds {@code copyRow(arena, local, count, at, to, factor)}. */
    private static void addCopyRow(KernelClass kernel, DType dtype) {
        kernel.add(method(kernel, "copyRow", "count")
                .addParameter(parameter(TypeName.LONG, "at"))
                .addParameter(parameter(TypeName.INT, "to"))
                .addParameter(parameter(TypeName.FLOAT, "factor"))
                .addCode(Loops.each(
                        kernel.library(),
                        "count",
                        Loops.UNROLLED,
                        strip -> strip.storeLocal(
                                DType.F32, "to", strip.mul(strip.load(dtype, "at"), strip.splat("factor"))))));
    }

    /**
     * Adds {@code packRows(arena, local, rows, room, depth, at, rowBytes, to, factor)}: rows {@value AttentionTiles#STRIDE}
     * floats apart, factors on the left. Deeper ones are cut; their parts lie {@code room} rows apart.
     */
    private static void addRows(KernelClass kernel, DType dtype) {
        addCopyRow(kernel, dtype);
        kernel.add(fromRows(kernel, "packRows", "rows", "room", "depth")
                .addParameter(parameter(TypeName.INT, "to"))
                .addParameter(parameter(TypeName.FLOAT, "factor"))
                .addCode("""
                        for (int k = 0; k < depth; k += $1L) {
                            final int count = Math.min($1L, depth - k);
                            for (int i = 0; i < rows; i++) {
                                copyRow(arena, local, count, at + i * rowBytes + $2LL * k,
                                        to + room * k + $1L * i, factor);
                            }
                        }
                        """, AttentionTiles.STRIDE, dtype.bytes()));
    }

    /**
     * Adds {@code packPanels(arena, local, rows, depth, at, rowBytes, to, panel, factor)}: rows as they are, factors on the
     * right.
     */
    private static void addPanels(KernelClass kernel, DType dtype) {
        kernel.add(method(kernel, "panelRow", "count")
                .addParameter(parameter(TypeName.LONG, "at"))
                .addParameter(parameter(TypeName.INT, "to"))
                .addParameter(parameter(TypeName.INT, "panel"))
                .addParameter(parameter(TypeName.FLOAT, "factor"))
                .addCode(Loops.each(
                        kernel.library(),
                        "count",
                        Loops.UNROLLED,
                        strip -> strip.run(Memory.storeLocal(
                                strip.lanes(),
                                DType.F32,
                                CodeBlock.of("to + $1L / LANES * panel + $1L % LANES", strip.position()),
                                strip.mul(strip.load(dtype, "at"), strip.splat("factor")))))));
        kernel.add(fromRows(kernel, "packPanels", "rows", "depth")
                .addParameter(parameter(TypeName.INT, "to"))
                .addParameter(parameter(TypeName.INT, "panel"))
                .addParameter(parameter(TypeName.FLOAT, "factor"))
                .addCode("""
                        for (int i = 0; i < rows; i++) {
                            panelRow(arena, local, depth, at + i * rowBytes, to + i * LANES, panel, factor);
                        }
                        """));
    }

    /**
     * Adds {@code packTransposed(arena, local, rows, depth, at, rowBytes, stage, stride, to, panel)}: rows become columns,
     * factors on the right. A group of rows passes through {@code stage}, {@code stride} floats a row. Needs
     * {@link #addRows}.
     */
    private static void addTransposed(KernelClass kernel) {
        addTranspose(kernel);
        kernel.add(fromRows(kernel, "packTransposed", "rows", "depth")
                .addParameter(parameter(TypeName.INT, "stage"))
                .addParameter(parameter(TypeName.INT, "stride"))
                .addParameter(parameter(TypeName.INT, "to"))
                .addParameter(parameter(TypeName.INT, "panel"))
                .addCode("""
                        for (int j = 0; j < rows; j += $1L) {
                            final int n = Math.min($1L, rows - j);
                            for (int i = 0; i < n; i++) {
                                copyRow(arena, local, depth, at + (j + i) * rowBytes, stage + i * stride, 1f);
                            }
                            transpose(local, depth, stage, stride, to + j / LANES * panel + j % LANES);
                        }
                        """, group(kernel.library().lanes())));
    }

    /** Adds {@code storeRow(arena, local, count, from, at, factor)}. */
    private static void addStoreRow(KernelClass kernel, DType dtype) {
        kernel.add(method(kernel, "storeRow", "count", "from")
                .addParameter(parameter(TypeName.LONG, "at"))
                .addParameter(parameter(TypeName.FLOAT, "factor"))
                .addCode(Loops.each(
                        kernel.library(),
                        "count",
                        Loops.UNROLLED,
                        strip -> strip.store(
                                dtype, "at", strip.mul(strip.loadLocal(DType.F32, "from"), strip.splat("factor"))))));
    }

    /** Adds {@code clear(arena, local, at, end)}: zeroes whole vectors. */
    private static void addClear(KernelClass kernel) {
        kernel.add(method(kernel, "clear", "at", "end").addCode("""
                for (int i = at; i < end; i += LANES) {
                    $T.zero(F).intoArray(local, i);
                }
                """, Lanes.FLOAT_VECTOR));
    }

    /**
     * Adds {@code hide(arena, local, at, count, value)}: of the vector in which element {@code count} of a row would lie, the
     * elements from there on get {@code value}.
     */
    private static void addHide(KernelClass kernel) {
        kernel.library().use(JvmHelper.IOTA);
        kernel.add(method(kernel, "hide", "at", "count")
                .addParameter(parameter(TypeName.FLOAT, "value"))
                .addCode("""
                        final int seen = count % LANES;
                        if (seen > 0) {
                            final int last = at + count - seen;
                            $1T.fromArray(F, local, last)
                                    .blend(value, IOTA.compare($2T.GE, seen).cast(F))
                                    .intoArray(local, last);
                        }
                        """, Lanes.FLOAT_VECTOR, Lanes.VECTOR_OPERATORS));
    }

    /**
     * Adds {@code total(x, at)}: the sum of a vector's elements in scratch, pairwise. From there it takes a few cycles; from
     * a register, lane by lane, some hundred.
     */
    private static void addTotal(KernelClass kernel) {
        kernel.add(MethodSpec.methodBuilder("total")
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .returns(TypeName.FLOAT)
                .addParameter(float[].class, "x", Modifier.FINAL)
                .addParameter(int.class, "at", Modifier.FINAL)
                .addStatement("return $L", pairwise(0, kernel.library().lanes())));
    }

    private static CodeBlock pairwise(int first, int count) {
        return count == 1
                ? CodeBlock.of("x[at + $L]", first)
                : CodeBlock.of("($L + $L)", pairwise(first, count / 2), pairwise(first + count / 2, count / 2));
    }

    /** Rows, and elements of a row, that are transposed at a time. */
    private static int group(int lanes) {
        return Math.min(8, lanes);
    }

    /**
     * Adds {@code transpose(x, depth, from, stride, to)}: {@link #group} rows of {@code x} become lanes of a panel, so that
     * element k of row i is at {@code to + k * LANES + i}. Reads and writes up to the next multiple of the group in depth.
     */
    private static void addTranspose(KernelClass kernel) {
        var n = group(kernel.library().lanes());
        kernel.add(JvmLibrary.species("G", Lanes.FLOAT_VECTOR, Float.class, n * Float.SIZE));
        var body = CodeBlock.builder().beginControlFlow("for (int k = 0; k < depth; k += $L)", n);
        for (var i = 0; i < n; i++) {
            body.addStatement("$1T x$2L = $1T.fromArray(G, x, from + $2L * stride + k)", Lanes.FLOAT_VECTOR, i);
        }
        var transposition = new Transposition("G", n);
        transposition.addConstants(kernel);
        body.add(transposition.stages());
        for (var i = 0; i < n; i++) {
            body.addStatement("x$1L.intoArray(x, to + (k + $1L) * LANES)", i);
        }
        kernel.add(MethodSpec.methodBuilder("transpose")
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .addParameter(float[].class, "x", Modifier.FINAL)
                .addParameter(int.class, "depth", Modifier.FINAL)
                .addParameter(int.class, "from", Modifier.FINAL)
                .addParameter(int.class, "stride", Modifier.FINAL)
                .addParameter(int.class, "to", Modifier.FINAL)
                .addCode(body.endControlFlow().build()));
    }
}
