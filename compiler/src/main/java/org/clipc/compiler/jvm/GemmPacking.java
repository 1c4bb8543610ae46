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
import javax.lang.model.element.Modifier;
import org.clipc.ir.DType;

/**
 * Renders the methods of {@link GemmPanels} that pack: {@code form(arena, at, stride, depth, to, first, rows,
 * panelDepth)}, the last for panels that are deeper than what is packed. Each reads whole vectors along the axis of unit
 * stride. Where that is the depth, blocks are transposed in registers.
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
        var panel = panel(form.columns());
        addRest(form.dtype());
        kernel.add(method(form.methodName())
                .addParameter(int.class, "rows", Modifier.FINAL)
                .addParameter(int.class, "panelDepth", Modifier.FINAL)
                .addCode(form.across() ? across(form, panel) : along(form, panel)));
    }

    /**
     * What is packed at a time: a panel, or one of its strips.
     *
     * @param width its rows
     * @param pitch floats from one depth to the next
     * @param multiple rows that the matrix lacks are packed up to a multiple of this
     */
    private record Panel(int width, int pitch, int multiple) {}

    private Panel panel(boolean columns) {
        if (!columns) {
            return new Panel(tile.rows(), tile.pitch(), tile.rows());
        }
        return new Panel(tile.strip(), tile.strip(), tile.columns());
    }

    private static MethodSpec.Builder method(String name) {
        return MethodSpec.methodBuilder(name)
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                .addParameter(long.class, "at", Modifier.FINAL)
                .addParameter(long.class, "stride", Modifier.FINAL)
                .addParameter(int.class, "depth", Modifier.FINAL)
                .addParameter(float[].class, "to", Modifier.FINAL)
                .addParameter(int.class, "first", Modifier.FINAL);
    }

    private CodeBlock along(Form form, Panel panel) {
        var strip = form.methodName() + "Strip";
        var reach = loads(panel.width()).stream().mapToInt(Load::end).max().orElseThrow();
        kernel.add(method(strip).addCode(strip(form.dtype(), panel)));
        return CodeBlock.of(
                """
                final int padded = (rows + $7L) / $8L * $8L;
                for (int k = 0; k < depth; k += $1L) {
                    final int n = Math.min($1L, depth - k);
                    int to0 = first + k * $9L;
                    int i = 0;
                    for (; i + $2L <= rows; i += $3L) {
                        $4L(arena, at + $5LL * i + k * stride, stride, n, to, to0);
                        to0 += panelDepth * $9L;
                    }
                    for (; i < padded; i += $3L) {
                        rest$6L(arena, at + $5LL * i + k * stride, $5LL, stride, rows - i, $3L, n, to, to0, $9L);
                        to0 += panelDepth * $9L;
                    }
                }
                """,
                STEP,
                reach,
                panel.width(),
                strip,
                form.dtype().bytes(),
                suffix(form.dtype()),
                panel.multiple() - 1,
                panel.multiple(),
                panel.pitch());
    }

    private CodeBlock strip(DType dtype, Panel panel) {
        var code = CodeBlock.builder().beginControlFlow("for (int k = 0; k < depth; k++)");
        for (var load : loads(panel.width())) {
            var at = CodeBlock.of("at + k * stride + $LL", load.first() * dtype.bytes());
            code.addStatement(
                    "$L.intoArray(to, first + k * $L + $L)",
                    load(dtype, load.lanes(), at),
                    panel.pitch(),
                    load.first());
        }
        return code.endControlFlow().build();
    }

    /** A vector of {@code lanes} from row {@code first} of a strip on. */
    private record Load(int first, int lanes) {

        int end() {
            return first + lanes;
        }
    }

    /** The vectors that read a strip; the last may reach beyond it, into what the pitch leaves. */
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

    private CodeBlock across(Form form, Panel panel) {
        var group = panel.pitch() % 8 == 0 && tile.lanes() >= 8 ? 8 : 4;
        var code = CodeBlock.builder().add("""
                final int padded = (rows + $1L) / $2L * $2L;
                int to0 = first;
                for (int i = 0; i < padded; i += $3L) {$>
                """, panel.multiple() - 1, panel.multiple(), panel.width());
        for (var g = 0; g < panel.width(); g += group) {
            var used = Math.min(group, panel.width() - g);
            code.add(
                    """
                    if (i + $1L <= rows) {
                        $2L(arena, at + (i + $3L) * stride, stride, depth, to, to0 + $3L);
                    } else {
                        rest$5L(arena, at + (i + $3L) * stride, stride, $6LL, rows - i - $3L, $7L, depth, to, to0 + $3L, $4L);
                    }
                    """,
                    g + used,
                    addTranspose(form.dtype(), group, used, panel.pitch()),
                    g,
                    panel.pitch(),
                    suffix(form.dtype()),
                    form.dtype().bytes(),
                    used);
        }
        return code.add("to0 += panelDepth * $L;\n$<}\n", panel.pitch()).build();
    }

    private String addTranspose(DType dtype, int n, int used, int pitch) {
        var name = "transpose" + suffix(dtype) + "x" + used + "By" + pitch;
        if (added.add(name)) {
            kernel.add(method(name).addCode(transpose(dtype, n, used, pitch)));
        }
        return name;
    }

    /**
     * Transposes blocks of {@code n} rows by {@code n}, of which the first {@code used} exist. The pitch is a literal: C2
     * then checks the bounds of all stores at once.
     */
    private CodeBlock transpose(DType dtype, int n, int used, int pitch) {
        var code = CodeBlock.builder().addStatement("int k = 0");
        code.beginControlFlow("for (; k <= depth - $L; k += $L)", n, n);
        for (var i = 0; i < n; i++) {
            var at = CodeBlock.of("at + $L * stride + $LL * k", i, dtype.bytes());
            var row = i < used ? load(dtype, n, at) : CodeBlock.of("$T.zero($L)", Lanes.FLOAT_VECTOR, species(n));
            code.addStatement("$T x$L = $L", Lanes.FLOAT_VECTOR, i, row);
        }
        var transposition = new Transposition(species(n), n);
        if (added.add("transposition" + n)) {
            transposition.addConstants(kernel);
        }
        code.add(transposition.stages());
        for (var i = 0; i < n; i++) {
            code.addStatement("x$1L.intoArray(to, first + (k + $1L) * $2L)", i, pitch);
        }
        code.endControlFlow();
        return code.add(
                        "rest$1L(arena, at + $2LL * k, stride, $2LL, $3L, $3L, depth - k, to, first + k * $4L, $4L);\n",
                        suffix(dtype),
                        dtype.bytes(),
                        used,
                        pitch)
                .build();
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

    /** Element by element: {@code span} rows, of which only {@code rows} exist, for a panel of this pitch. */
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
                .addParameter(int.class, "pitch", Modifier.FINAL)
                .addCode("""
                        for (int i = 0; i < span; i++) {
                            for (int k = 0; k < depth; k++) {
                                to[first + k * pitch + i] = i < rows ? $L : 0;
                            }
                        }
                        """, Memory.loadOne(dtype, CodeBlock.of("at + i * rowStride + k * depthStride"))));
    }
}
