package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import javax.lang.model.element.Modifier;
import org.clipc.ir.DType;

/**
 * Renders the methods of {@link GemmPanels} that pack: {@code form(arena, at, stride, rows, depth, to, first)}. Each reads
 * whole vectors along the axis of unit stride. Where that is the depth, blocks are transposed in registers.
 */
final class GemmPacking {

    /**
     * What is packed.
     *
     * @param columns whether panels are those of B (else of A)
     * @param across whether rows lie across the axis of unit stride, which is then the depth (else they lie along it);
     *     {@code stride} is the step, in bytes, along the other axis
     */
    record Form(boolean columns, DType dtype, boolean across) {

        static List<Form> all() {
            var forms = new ArrayList<Form>();
            for (var across : List.of(false, true)) {
                for (var dtype : List.of(DType.F32, DType.BF16)) {
                    forms.add(new Form(false, dtype, across));
                    forms.add(new Form(true, dtype, across));
                }
            }
            return forms;
        }

        int code() {
            return all().indexOf(this);
        }

        String methodName() {
            return (across ? "across" : "along") + suffix(dtype) + (columns ? "B" : "A");
        }
    }

    private static final ClassName SHORT_VECTOR = ClassName.get("jdk.incubator.vector", "ShortVector");

    /** Depth that is packed at a time along rows: eight streams are as many as the first-level cache has ways. */
    static final int STEP = 8;

    private final GemmTile tile;
    private final KernelClass kernel;
    private final Set<String> added = new HashSet<>();

    GemmPacking(GemmTile tile, KernelClass kernel) {
        this.tile = tile;
        this.kernel = kernel;
    }

    private static String suffix(DType dtype) {
        return dtype == DType.BF16 ? "Bf16" : "F32";
    }

    /** Adds the method of a form, and those that it calls. */
    void add(Form form) {
        var width = form.columns() ? tile.columns() : tile.rows();
        addRest(form.dtype());
        kernel.add(method(form.methodName()).addCode(form.across() ? across(form, width) : along(form, width)));
    }

    private static MethodSpec.Builder method(String name) {
        return MethodSpec.methodBuilder(name)
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                .addParameter(long.class, "at", Modifier.FINAL)
                .addParameter(long.class, "stride", Modifier.FINAL)
                .addParameter(int.class, "rows", Modifier.FINAL)
                .addParameter(int.class, "depth", Modifier.FINAL)
                .addParameter(float[].class, "to", Modifier.FINAL)
                .addParameter(int.class, "first", Modifier.FINAL);
    }

    private CodeBlock along(Form form, int width) {
        var strip = form.methodName() + "Strip";
        var reach = loads(width).stream().mapToInt(Load::end).max().orElseThrow();
        kernel.add(method(strip).addCode(strip(form.dtype(), width)));
        return CodeBlock.of("""
                for (int k = 0; k < depth; k += $1L) {
                    final int n = Math.min($1L, depth - k);
                    int i = 0;
                    for (; i + $2L <= rows; i += $3L) {
                        $4L(arena, at + $5LL * i + k * stride, stride, $3L, n, to, first + i * depth + k * $3L);
                    }
                    for (; i < rows; i += $3L) {
                        rest$6L(arena, at + $5LL * i + k * stride, $5LL, stride, rows - i, $3L, n,
                                to, first + i * depth + k * $3L, $3L);
                    }
                }
                """, STEP, reach, width, strip, form.dtype().bytes(), suffix(form.dtype()));
    }

    private CodeBlock strip(DType dtype, int width) {
        var code = CodeBlock.builder();
        // Where a vector reaches beyond the strip, the next step overwrites what it stored there; so the last step goes
        // element by element.
        var spills = loads(width).getLast().end() > width;
        code.beginControlFlow("for (int k = 0; k < $L; k++)", spills ? "depth - 1" : "depth");
        for (var load : loads(width)) {
            var at = CodeBlock.of("at + k * stride + $LL", load.first() * dtype.bytes());
            code.addStatement(
                    "$L.intoArray(to, first + k * $L + $L)", load(dtype, load.lanes(), at), width, load.first());
        }
        code.endControlFlow();
        if (spills) {
            code.addStatement(
                    "rest$1L(arena, at + (depth - 1) * stride, $2LL, stride, $3L, $3L, 1, to, first + (depth - 1) * $3L, $3L)",
                    suffix(dtype),
                    dtype.bytes(),
                    width);
        }
        return code.build();
    }

    /** A vector of {@code lanes} from row {@code first} of a strip on. */
    private record Load(int first, int lanes) {

        int end() {
            return first + lanes;
        }
    }

    /** The vectors that read a strip; the last may reach beyond it. */
    private List<Load> loads(int width) {
        var loads = new ArrayList<Load>();
        for (var first = 0; first < width; first = loads.getLast().end()) {
            loads.add(new Load(first, lanesFor(width - first)));
        }
        return loads;
    }

    /** One vector for all that is left if its excess is below 4 lanes, else as many lanes as are filled. */
    private int lanesFor(int count) {
        var covering = Math.max(4, Integer.highestOneBit(2 * count - 1));
        return covering <= tile.lanes() && covering - count < 4
                ? covering
                : Integer.highestOneBit(Math.min(count, tile.lanes()));
    }

    private CodeBlock across(Form form, int width) {
        var group = width % 4 != 0 ? width : width % 8 == 0 && tile.lanes() >= 8 ? 8 : 4;
        var transpose = "transpose" + suffix(form.dtype()) + "x" + group;
        if (added.add(transpose)) {
            kernel.add(method(transpose)
                    .addCode(group == width ? interleave(form.dtype(), width) : transpose(form.dtype(), group)));
        }
        return CodeBlock.of(
                """
                for (int i = 0; i < rows; i += $1L) {
                    for (int g = 0; g < $1L; g += $2L) {
                        final long start = at + (i + g) * stride;
                        if (i + g + $2L <= rows) {
                            $3L(arena, start, stride, $1L, depth, to, first + i * depth + g);
                        } else {
                            rest$4L(arena, start, stride, $5LL, rows - i - g, $2L, depth, to, first + i * depth + g, $1L);
                        }
                    }
                }
                """, width, group, transpose, suffix(form.dtype()), form.dtype().bytes());
    }

    /** Transposes blocks of {@code n} rows by {@code n}; the parameter {@code rows} is the width of the panel. */
    private CodeBlock transpose(DType dtype, int n) {
        var code = CodeBlock.builder().addStatement("int k = 0");
        code.beginControlFlow("for (; k <= depth - $L; k += $L)", n, n);
        for (var i = 0; i < n; i++) {
            var at = CodeBlock.of("at + $L * stride + $LL * k", i, dtype.bytes());
            code.addStatement("$T x$L = $L", Lanes.FLOAT_VECTOR, i, load(dtype, n, at));
        }
        var transposition = new Transposition(species(n), n);
        if (added.add("transposition" + n)) {
            transposition.addConstants(kernel);
        }
        code.add(transposition.stages());
        for (var i = 0; i < n; i++) {
            code.addStatement("x$1L.intoArray(to, first + (k + $1L) * rows)", i);
        }
        code.endControlFlow();
        return code.add(remainingDepth(dtype, n)).build();
    }

    private static CodeBlock remainingDepth(DType dtype, int rows) {
        return CodeBlock.of(
                "rest$L(arena, at + $LL * k, stride, $LL, $L, $L, depth - k, to, first + k * rows, rows);\n",
                suffix(dtype),
                dtype.bytes(),
                dtype.bytes(),
                rows,
                rows);
    }

    /** Interleaves {@code width} rows, as many vectors of depth at a time as there are rows. */
    private CodeBlock interleave(DType dtype, int width) {
        var lanes = Math.min(8, tile.lanes());
        var code = CodeBlock.builder().addStatement("int k = 0");
        code.beginControlFlow("for (; k <= depth - $L; k += $L)", lanes, lanes);
        for (var row = 0; row < width; row++) {
            var at = CodeBlock.of("at + $L * stride + $LL * k", row, dtype.bytes());
            code.addStatement("final $T x$L = $L", Lanes.FLOAT_VECTOR, row, load(dtype, lanes, at));
        }
        for (var out = 0; out < width; out++) {
            var mixed = CodeBlock.of("");
            for (var row = 0; row < width; row++) {
                var name = "I" + out + "_" + row;
                addGather(name, lanes, width, out, row);
                mixed = row == 0
                        ? CodeBlock.of("x0.rearrange(S$L)", name)
                        : CodeBlock.of("$L.blend(x$L.rearrange(S$L), M$L)", mixed, row, name, name);
            }
            code.addStatement("$L.intoArray(to, first + k * rows + $L)", mixed, out * lanes);
        }
        code.endControlFlow();
        return code.add(remainingDepth(dtype, width)).build();
    }

    /** Where vector {@code out} of the interleaved ones has elements of {@code row}: their lanes there, and the mask. */
    private void addGather(String name, int lanes, int width, int out, int row) {
        if (!added.add(name)) {
            return;
        }
        IntPredicate isOfRow = lane -> (out * lanes + lane) % width == row;
        var from = IntStream.range(0, lanes)
                .map(lane -> isOfRow.test(lane) ? (out * lanes + lane) / width : 0)
                .toArray();
        kernel.add(JvmLibrary.shuffle("S" + name, species(lanes), from));
        kernel.add(JvmLibrary.mask("M" + name, species(lanes), lanes, isOfRow));
    }

    private String species(int lanes) {
        var name = "F" + lanes;
        if (added.add(name)) {
            kernel.add(JvmLibrary.species(name, Lanes.FLOAT_VECTOR, Float.class, lanes * Float.SIZE));
        }
        return name;
    }

    private CodeBlock load(DType dtype, int lanes, CodeBlock at) {
        if (dtype == DType.BF16) {
            addLoadBf16(lanes);
            return CodeBlock.of("bf16x$L(arena, $L)", lanes, at);
        }
        return CodeBlock.of("$T.fromMemorySegment($L, arena, $L, ORDER)", Lanes.FLOAT_VECTOR, species(lanes), at);
    }

    private void addLoadBf16(int lanes) {
        if (!added.add("bf16x" + lanes)) {
            return;
        }
        kernel.add(JvmLibrary.species("H" + lanes, SHORT_VECTOR, Short.class, lanes * Short.SIZE));
        kernel.add(JvmLibrary.species("I" + lanes, Lanes.INT_VECTOR, Integer.class, lanes * Integer.SIZE));
        kernel.add(MethodSpec.methodBuilder("bf16x" + lanes)
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .returns(Lanes.FLOAT_VECTOR)
                .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                .addParameter(long.class, "at", Modifier.FINAL)
                .addCode("""
                        final $1T halves = $1T.fromMemorySegment(H$2L, arena, at, ORDER);
                        final $3T words = halves.convertShape($4T.ZERO_EXTEND_S2I, I$2L, 0).reinterpretAsInts();
                        return words.lanewise($4T.LSHL, 16).reinterpretAsFloats();
                        """, SHORT_VECTOR, lanes, Lanes.INT_VECTOR, Lanes.VECTOR_OPERATORS));
    }

    /** Element by element: {@code span} rows, of which only {@code rows} exist, for a panel {@code width} wide. */
    private void addRest(DType dtype) {
        if (!added.add("rest" + suffix(dtype))) {
            return;
        }
        kernel.add(MethodSpec.methodBuilder("rest" + suffix(dtype))
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .returns(TypeName.VOID)
                .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                .addParameter(long.class, "at", Modifier.FINAL)
                .addParameter(long.class, "rowStride", Modifier.FINAL)
                .addParameter(long.class, "depthStride", Modifier.FINAL)
                .addParameter(int.class, "rows", Modifier.FINAL)
                .addParameter(int.class, "span", Modifier.FINAL)
                .addParameter(int.class, "depth", Modifier.FINAL)
                .addParameter(float[].class, "to", Modifier.FINAL)
                .addParameter(int.class, "first", Modifier.FINAL)
                .addParameter(int.class, "width", Modifier.FINAL)
                .addCode("""
                        for (int i = 0; i < span; i++) {
                            for (int k = 0; k < depth; k++) {
                                to[first + k * width + i] = i < rows ? $L : 0;
                            }
                        }
                        """, Memory.loadOne(dtype, CodeBlock.of("at + i * rowStride + k * depthStride"))));
    }
}
