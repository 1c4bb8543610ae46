package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.ParameterSpec;
import com.palantir.javapoet.ParameterizedTypeName;
import com.palantir.javapoet.TypeName;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
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

    private static MethodSpec.Builder method(KernelClass kernel, String name, String... ints) {
        return kernel.method(name)
                .addParameters(
                        Stream.of(ints).map(i -> parameter(TypeName.INT, i)).toList());
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
                        strip -> strip.storeLocal(
                                DType.F32, "to", strip.mul(strip.load(dtype, "at"), strip.splat("factor"))))));
    }

    /**
     * Adds {@code packRows(arena, local, rows, depth, at, rowBytes, to, factor)}: rows {@value AttentionTiles#STRIDE} floats
     * apart, factors on the left; deeper ones are cut into blocks {@code room} rows of scratch apart.
     */
    static void addRows(KernelClass kernel, DType dtype) {
        addCopyRow(kernel, dtype);
        kernel.add(method(kernel, "packRows", "rows", "room", "depth")
                .addParameter(parameter(TypeName.LONG, "at"))
                .addParameter(parameter(TypeName.LONG, "rowBytes"))
                .addParameter(parameter(TypeName.INT, "to"))
                .addParameter(parameter(TypeName.FLOAT, "factor"))
                .addCode("""
                        for (int k = 0; k < depth; k += $1L) {
                            final int count = Math.min($1L, depth - k);
                            for (int i = 0; i < rows; i++) {
                                copyRow(arena, local, count, at + i * rowBytes + $2LL * k, to + room * k + $1L * i, factor);
                            }
                        }
                        """, AttentionTiles.STRIDE, dtype.bytes()));
    }

    /**
     * Adds {@code packPanels(arena, local, rows, depth, at, rowBytes, to, panel, factor)}: rows as they are, factors on the
     * right.
     */
    static void addPanels(KernelClass kernel, DType dtype) {
        kernel.add(method(kernel, "panelRow", "count")
                .addParameter(parameter(TypeName.LONG, "at"))
                .addParameter(parameter(TypeName.INT, "to"))
                .addParameter(parameter(TypeName.INT, "panel"))
                .addParameter(parameter(TypeName.FLOAT, "factor"))
                .addCode(Loops.each(
                        kernel.library(),
                        "count",
                        strip -> strip.run(Memory.storeLocal(
                                strip.lanes(),
                                DType.F32,
                                CodeBlock.of("to + $1L / LANES * panel + $1L % LANES", strip.position()),
                                strip.mul(strip.load(dtype, "at"), strip.splat("factor")))))));
        kernel.add(method(kernel, "packPanels", "rows", "depth")
                .addParameter(parameter(TypeName.LONG, "at"))
                .addParameter(parameter(TypeName.LONG, "rowBytes"))
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
    static void addTransposed(KernelClass kernel) {
        addTranspose(kernel);
        kernel.add(method(kernel, "packTransposed", "rows", "depth")
                .addParameter(parameter(TypeName.LONG, "at"))
                .addParameter(parameter(TypeName.LONG, "rowBytes"))
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
    static void addStoreRow(KernelClass kernel, DType dtype) {
        kernel.add(method(kernel, "storeRow", "count", "from")
                .addParameter(parameter(TypeName.LONG, "at"))
                .addParameter(parameter(TypeName.FLOAT, "factor"))
                .addCode(Loops.each(
                        kernel.library(),
                        "count",
                        strip -> strip.store(
                                dtype, "at", strip.mul(strip.loadLocal(DType.F32, "from"), strip.splat("factor"))))));
    }

    /** Adds {@code clear(arena, local, at, end)}: zeroes whole vectors. */
    static void addClear(KernelClass kernel) {
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
    static void addHide(KernelClass kernel) {
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

    /** Rows, and elements of a row, that are transposed at a time. */
    private static int group(int lanes) {
        return Math.min(8, lanes);
    }

    /**
     * Adds {@code transpose(x, depth, from, stride, to)}: {@link #group} rows of {@code x} become lanes of a panel, so that
     * element k of row i is at {@code to + k * LANES + i}. Reads and writes up to the next multiple of the group in depth.
     * Stage by stage, two vectors exchange the halves, quarters, … in which they hold each other's elements.
     */
    private static void addTranspose(KernelClass kernel) {
        var n = group(kernel.library().lanes());
        kernel.add(JvmLibrary.species("G", Lanes.FLOAT_VECTOR, Float.class, n * Float.SIZE));
        var body = CodeBlock.builder().beginControlFlow("for (int k = 0; k < depth; k += $L)", n);
        for (var i = 0; i < n; i++) {
            body.addStatement("$1T x$2L = $1T.fromArray(G, x, from + $2L * stride + k)", Lanes.FLOAT_VECTOR, i);
        }
        var step = 0;
        for (var distance = n / 2; distance > 0; distance /= 2) {
            addExchange(kernel, n, distance);
            for (var i = 0; i < n; i++) {
                if ((i & distance) == 0) {
                    var kept = "t" + step++;
                    body.addStatement("final $T $L = x$L.rearrange(SWAP_$L)", Lanes.FLOAT_VECTOR, kept, i, distance);
                    body.addStatement(
                            "x$1L = x$1L.blend(x$2L.rearrange(SWAP_$3L), UPPER_$3L)", i, i + distance, distance);
                    body.addStatement("x$1L = $2L.blend(x$1L, UPPER_$3L)", i + distance, kept, distance);
                }
            }
        }
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

    /** Constants: lane i gets lane i ^ distance, and the mask of the lanes that have that bit. */
    private static void addExchange(KernelClass kernel, int n, int distance) {
        var shuffle = ClassName.get("jdk.incubator.vector", "VectorShuffle");
        var from = IntStream.range(0, n).mapToObj(lane -> String.valueOf(lane ^ distance));
        kernel.add(JvmLibrary.constant(
                ParameterizedTypeName.get(shuffle, ClassName.get(Float.class)),
                "SWAP_" + distance,
                CodeBlock.of("$T.fromValues(G, $L)", shuffle, from.collect(Collectors.joining(", ")))));
        var upper = IntStream.range(0, n)
                .filter(lane -> (lane & distance) != 0)
                .mapToLong(lane -> 1L << lane)
                .sum();
        kernel.add(JvmLibrary.constant(
                Lanes.VECTOR.maskType(),
                "UPPER_" + distance,
                CodeBlock.of("$T.fromLong(G, $LL)", Lanes.VECTOR_MASK, upper)));
    }
}
