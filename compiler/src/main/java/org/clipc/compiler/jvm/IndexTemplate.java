package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import java.util.HashMap;
import java.util.Map;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * Gather and its transpose for the JVM. Indices out of range are clamped by a gather and left out by a scatter. A scatter
 * needs no atomics: each unit owns some rows of the result, looks at every index, and adds what lands in its rows in
 * ascending order, in f32.
 */
final class IndexTemplate {

    /** Elements of a unit, about. */
    private static final int UNIT = 1 << 14;

    private static final ArgumentLayout GATHER = ArgumentLayout.of(
            "table",
            "tableBatch",
            "tableRow",
            "index",
            "indexBatch",
            "indexRow",
            "out",
            "outBatch",
            "outRow",
            "batch",
            "rows",
            "count",
            "width",
            "rowsPerUnit");

    private static final ArgumentLayout SCATTER = ArgumentLayout.of(
            "updates",
            "updatesBatch",
            "updatesRow",
            "index",
            "indexBatch",
            "indexRow",
            "out",
            "outBatch",
            "outRow",
            "rows",
            "count",
            "width",
            "rowsPerUnit");

    private final int bits;

    IndexTemplate(int bits) {
        this.bits = bits;
    }

    void gather(DType dtype, Launch launch, CallSink sink) {
        var table = launch.inputs().get(0);
        var index = launch.inputs().get(1);
        var out = launch.outputs().getFirst();
        var width = out.dim(2);
        var rowsPerUnit = Math.max(1, UNIT / width);
        var rows = Math.multiplyExact(out.dim(0), out.dim(1));
        var values = new HashMap<String, Argument>();
        putRows(values, "table", table);
        putRows(values, "index", index);
        putRows(values, "out", out);
        values.put("batch", Argument.of(out.dim(0)));
        values.put("rows", Argument.of(table.dim(1)));
        values.put("count", Argument.of(out.dim(1)));
        values.put("width", Argument.of(width));
        values.put("rowsPerUnit", Argument.of(rowsPerUnit));
        var kernel = KernelClass.kernel(
                bits, "Gather", "Gather of " + dtype.text() + " rows", GATHER, k -> renderGather(dtype, k));
        sink.call(kernel, GATHER.bind(values), Math.ceilDiv(rows, rowsPerUnit), 0, 0);
    }

    private static void renderGather(DType dtype, KernelClass kernel) {
        kernel.add(kernel.unit()
                .addCode(GATHER.declareInts("batch", "rows", "count", "width", "rowsPerUnit"))
                .addStatement("final int end = Math.min((unit + 1) * rowsPerUnit, batch * count)")
                .beginControlFlow("for (int row = unit * rowsPerUnit; row < end; row++)")
                .addStatement("final long b = row / count")
                .addStatement("final long n = row % count")
                .addStatement("final int found = $L", index(GATHER, "b", "n"))
                .addStatement("final long source = Math.clamp(found, 0, rows - 1)")
                .addStatement(
                        "copy(arena, local, width, $L, $L)",
                        address(GATHER, dtype, "table", "b", "source"),
                        address(GATHER, dtype, "out", "b", "n"))
                .endControlFlow());
        var copy = kernel.method("copy")
                .addParameter(int.class, "width", Modifier.FINAL)
                .addParameter(long.class, "from", Modifier.FINAL)
                .addParameter(long.class, "to", Modifier.FINAL);
        if (Memory.hasVectors(dtype)) {
            copy.addCode(Loops.each(
                    kernel.library(), "width", strip -> strip.store(dtype, "to", strip.load(dtype, "from"))));
        } else {
            var element = Memory.loadOne(dtype, CodeBlock.of("from + $LL * i", dtype.bytes()));
            copy.beginControlFlow("for (int i = 0; i < width; i++)")
                    .addStatement(Memory.storeOne(
                            kernel.library(), dtype, CodeBlock.of("to + $LL * i", dtype.bytes()), element))
                    .endControlFlow();
        }
        kernel.add(copy);
    }

    void scatterAdd(DType dtype, Launch launch, CallSink sink) {
        if (!Memory.hasVectors(dtype) || !dtype.isFloat()) {
            throw new IllegalArgumentException("scatter_add on the JVM adds f32 or bf16, not " + dtype.text());
        }
        var updates = launch.inputs().get(0);
        var index = launch.inputs().get(1);
        var out = launch.outputs().getFirst();
        var width = out.dim(2);
        var rowsPerUnit = Math.clamp(UNIT / width, 1, out.dim(1));
        var values = new HashMap<String, Argument>();
        putRows(values, "updates", updates);
        putRows(values, "index", index);
        putRows(values, "out", out);
        values.put("rows", Argument.of(out.dim(1)));
        values.put("count", Argument.of(updates.dim(1)));
        values.put("width", Argument.of(width));
        values.put("rowsPerUnit", Argument.of(rowsPerUnit));
        var units = Math.multiplyExact(out.dim(0), Math.ceilDiv(out.dim(1), rowsPerUnit));
        var kernel = KernelClass.kernel(
                bits, "ScatterAdd", "Scatter-add of " + dtype.text() + " rows", SCATTER, k -> renderScatter(dtype, k));
        sink.call(kernel, SCATTER.bind(values), units, Math.multiplyExact(rowsPerUnit, width), 0);
    }

    private static void renderScatter(DType dtype, KernelClass kernel) {
        kernel.add(kernel.unit()
                .addCode(SCATTER.declareInts("rows", "count", "width", "rowsPerUnit"))
                .addStatement("final int blocks = (rows + rowsPerUnit - 1) / rowsPerUnit")
                .addStatement("final long b = unit / blocks")
                .addStatement("final int first = unit % blocks * rowsPerUnit")
                .addStatement("final int owned = Math.min(rowsPerUnit, rows - first)")
                .beginControlFlow("for (int i = 0; i < owned * width; i++)")
                .addStatement("local[i] = 0")
                .endControlFlow()
                .beginControlFlow("for (int n = 0; n < count; n++)")
                .addStatement("final int row = $L - first", index(SCATTER, "b", "n"))
                .beginControlFlow("if (row >= 0 && row < owned)")
                .addStatement("add(arena, local, width, $L, row * width)", address(SCATTER, dtype, "updates", "b", "n"))
                .endControlFlow()
                .endControlFlow()
                .beginControlFlow("for (int row = 0; row < owned; row++)")
                .addStatement(
                        "put(arena, local, width, row * width, $L)",
                        address(SCATTER, dtype, "out", "b", "(first + row)"))
                .endControlFlow());
        kernel.add(row(kernel, "add")
                .addParameter(long.class, "from", Modifier.FINAL)
                .addParameter(int.class, "to", Modifier.FINAL)
                .addCode(Loops.each(kernel.library(), "width", strip -> {
                    var sum = strip.lanes().add(strip.loadLocal(DType.F32, "to"), strip.load(dtype, "from"));
                    strip.storeLocal(DType.F32, "to", sum);
                })));
        kernel.add(row(kernel, "put")
                .addParameter(int.class, "from", Modifier.FINAL)
                .addParameter(long.class, "to", Modifier.FINAL)
                .addCode(Loops.each(
                        kernel.library(),
                        "width",
                        strip -> strip.store(dtype, "to", strip.loadLocal(DType.F32, "from")))));
    }

    private static MethodSpec.Builder row(KernelClass kernel, String name) {
        return kernel.method(name).addParameter(int.class, "width", Modifier.FINAL);
    }

    /** Binds what {@link #address} reads of a tensor of batches of rows; of the indices, a row is one. */
    private static void putRows(Map<String, Argument> values, String name, View tensor) {
        values.put(name, Argument.of(tensor));
        values.put(name + "Batch", Argument.of(tensor.stride(0)));
        values.put(name + "Row", Argument.of(tensor.stride(1)));
    }

    private static CodeBlock index(ArgumentLayout layout, String batch, String position) {
        return Memory.loadOne(DType.I32, address(layout, DType.I32, "index", batch, position));
    }

    private static CodeBlock address(ArgumentLayout layout, DType dtype, String tensor, String batch, String row) {
        return CodeBlock.of(
                "$L + $LL * ($L * $L + $L * $L)",
                layout.read(tensor),
                dtype.bytes(),
                batch,
                layout.read(tensor + "Batch"),
                row,
                layout.read(tensor + "Row"));
    }
}
