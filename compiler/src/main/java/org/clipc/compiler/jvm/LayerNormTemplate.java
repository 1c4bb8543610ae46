package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.KernelSpec.LayerNorm;
import org.clipc.compiler.kernel.KernelSpec.LayerNormGrad;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * Layer normalisation and its gradient for the JVM, row by row. The variance is that of the centred row, which loses
 * nothing to cancellation. A unit of the gradient adds up its rows' share of dgain and dbias in scratch; a second call
 * adds the units' shares.
 */
final class LayerNormTemplate {

    private static final int UNIT = 1 << 14;

    /** Most units of a gradient, each of which leaves a row of partial sums. */
    private static final int GRAD_UNITS = 64;

    private static final ArgumentLayout FORWARD = ArgumentLayout.of(
            "x", "xRow", "gain", "bias", "y", "yRow", "mean", "rstd", "rows", "width", "rowsPerUnit", "epsilon");

    private static final ArgumentLayout BACKWARD = ArgumentLayout.of(
            "dy", "dyRow", "x", "xRow", "gain", "mean", "rstd", "dx", "dxRow", "sums", "rows", "width", "rowsPerUnit");

    private final int bits;

    LayerNormTemplate(int bits) {
        this.bits = bits;
    }

    void plan(LayerNorm spec, Launch launch, CallSink sink) {
        var x = launch.inputs().get(0);
        var y = launch.outputs().get(0);
        var rowsPerUnit = Math.max(1, UNIT / x.dim(1));
        var values = Map.ofEntries(
                Map.entry("x", Argument.of(x)),
                Map.entry("xRow", Argument.of(x.stride(0))),
                Map.entry("gain", Argument.of(launch.inputs().get(1))),
                Map.entry("bias", Argument.of(launch.inputs().get(2))),
                Map.entry("y", Argument.of(y)),
                Map.entry("yRow", Argument.of(y.stride(0))),
                Map.entry("mean", Argument.of(launch.outputs().get(1))),
                Map.entry("rstd", Argument.of(launch.outputs().get(2))),
                Map.entry("rows", Argument.of(x.dim(0))),
                Map.entry("width", Argument.of(x.dim(1))),
                Map.entry("rowsPerUnit", Argument.of(rowsPerUnit)),
                Map.entry("epsilon", Argument.of(launch.attributes().getFirst().floatValue())));
        var description = "Layer normalisation of " + spec.dtype().text() + " by "
                + spec.gain().text() + " and " + spec.bias().text();
        var kernel = KernelClass.kernel(bits, "LayerNorm", description, FORWARD, k -> render(spec, k));
        sink.call(kernel, FORWARD.bind(values), Math.ceilDiv(x.dim(0), rowsPerUnit), 0, 0);
    }

    private static void render(LayerNorm spec, KernelClass kernel) {
        var dtype = spec.dtype();
        kernel.add(kernel.unit()
                .addCode(FORWARD.declareInts("rows", "width", "rowsPerUnit"))
                .addCode(FORWARD.declareLongs("x", "xRow", "y", "yRow", "gain", "bias"))
                .addCode(FORWARD.declareFloats("epsilon"))
                .addStatement("final int end = Math.min((unit + 1) * rowsPerUnit, rows)")
                .beginControlFlow("for (int row = unit * rowsPerUnit; row < end; row++)")
                .addStatement("final long from = x + $LL * row * xRow", dtype.bytes())
                .addStatement("final float mean = total(arena, local, width, from) / width")
                .addStatement("final float variance = squares(arena, local, width, from, mean) / width")
                .addStatement("final float rstd = (float) (1 / Math.sqrt(variance + epsilon))")
                .addStatement(storeRow(kernel, FORWARD, "mean"))
                .addStatement(storeRow(kernel, FORWARD, "rstd"))
                .addStatement(
                        "normalise(arena, local, width, from, mean, rstd, gain, bias, y + $LL * row * yRow)",
                        dtype.bytes())
                .endControlFlow());
        kernel.add(row(kernel, "total", TypeName.FLOAT, List.of("from"), List.of())
                .addCode(sum(kernel, "sum", strip -> strip.load(dtype, "from")))
                .addStatement("return sum"));
        kernel.add(row(kernel, "squares", TypeName.FLOAT, List.of("from"), List.of("mean"))
                .addCode(sum(kernel, "sum", strip -> {
                    var centred = strip.let(strip.lanes().sub(strip.load(dtype, "from"), strip.splat("mean")));
                    return strip.lanes().mul(centred, centred);
                }))
                .addStatement("return sum"));
        kernel.add(kernel.method("normalise")
                .addParameter(int.class, "width", Modifier.FINAL)
                .addParameter(long.class, "from", Modifier.FINAL)
                .addParameter(float.class, "mean", Modifier.FINAL)
                .addParameter(float.class, "rstd", Modifier.FINAL)
                .addParameter(long.class, "gain", Modifier.FINAL)
                .addParameter(long.class, "bias", Modifier.FINAL)
                .addParameter(long.class, "to", Modifier.FINAL)
                .addCode(Loops.each(kernel.library(), "width", strip -> {
                    var lanes = strip.lanes();
                    var scaled = lanes.mul(normalised(strip, dtype), strip.load(spec.gain(), "gain"));
                    strip.store(dtype, "to", lanes.add(scaled, strip.load(spec.bias(), "bias")));
                })));
    }

    void planGrad(LayerNormGrad spec, Launch launch, CallSink sink) {
        var dy = launch.inputs().get(0);
        var x = launch.inputs().get(1);
        var dx = launch.outputs().get(0);
        var rows = x.dim(0);
        var width = x.dim(1);
        var rowsPerUnit = Math.max(Math.max(1, UNIT / width), Math.ceilDiv(rows, GRAD_UNITS));
        var units = Math.ceilDiv(rows, rowsPerUnit);
        var sums = sink.temporary(DType.F32, List.of(1, units, 2 * width));
        var values = Map.ofEntries(
                Map.entry("dy", Argument.of(dy)),
                Map.entry("dyRow", Argument.of(dy.stride(0))),
                Map.entry("x", Argument.of(x)),
                Map.entry("xRow", Argument.of(x.stride(0))),
                Map.entry("gain", Argument.of(launch.inputs().get(2))),
                Map.entry("mean", Argument.of(launch.inputs().get(3))),
                Map.entry("rstd", Argument.of(launch.inputs().get(4))),
                Map.entry("dx", Argument.of(dx)),
                Map.entry("dxRow", Argument.of(dx.stride(0))),
                Map.entry("sums", Argument.of(sums)),
                Map.entry("rows", Argument.of(rows)),
                Map.entry("width", Argument.of(width)),
                Map.entry("rowsPerUnit", Argument.of(rowsPerUnit)));
        var description = "Gradient of layer normalisation of " + spec.dtype().text() + " by "
                + spec.parameters().text();
        var kernel = KernelClass.kernel(bits, "LayerNormGrad", description, BACKWARD, k -> renderGrad(spec, k));
        sink.call(kernel, BACKWARD.bind(values), units, 2 * width, 0);
        for (var i = 0; i < 2; i++) {
            var part = new View(sums.buffer(), (long) i * width, DType.F32, List.of(1, units, width), sums.strides());
            var total = launch.outputs().get(1 + i);
            var output = new View(
                    total.buffer(),
                    total.offset(),
                    total.dtype(),
                    List.of(1, width),
                    List.of((long) width, total.stride(0)));
            new ReduceTemplate(bits).combine(ReduceFn.SUM, part, output, sink);
        }
    }

    private static void renderGrad(LayerNormGrad spec, KernelClass kernel) {
        var dtype = spec.dtype();
        kernel.add(kernel.unit()
                .addCode(BACKWARD.declareInts("rows", "width", "rowsPerUnit"))
                .addCode(BACKWARD.declareLongs("dy", "dyRow", "x", "xRow", "gain", "dx", "dxRow", "sums"))
                .addStatement("final int end = Math.min((unit + 1) * rowsPerUnit, rows)")
                .beginControlFlow("for (int i = 0; i < 2 * width; i++)")
                .addStatement("local[i] = 0")
                .endControlFlow()
                .beginControlFlow("for (int row = unit * rowsPerUnit; row < end; row++)")
                .addStatement("final long from = x + $LL * row * xRow", dtype.bytes())
                .addStatement("final long by = dy + $LL * row * dyRow", dtype.bytes())
                .addStatement("final float mean = $L", loadRow("mean"))
                .addStatement("final float rstd = $L", loadRow("rstd"))
                .addStatement("final float slope = slope(arena, local, width, from, by, gain, mean, rstd) / width")
                .addStatement("final float level = level(arena, local, width, by, gain) / width")
                .addStatement(
                        "change(arena, local, width, from, by, gain, mean, rstd, slope, level, dx + $LL * row * dxRow)",
                        dtype.bytes())
                .endControlFlow()
                .addStatement("put(arena, local, 2 * width, sums + 8L * unit * width)"));
        kernel.add(row(kernel, "slope", TypeName.FLOAT, List.of("from", "by", "gain"), List.of("mean", "rstd"))
                .addCode(sum(kernel, "sum", strip -> {
                    var scaled = strip.lanes().mul(strip.load(dtype, "by"), strip.load(spec.parameters(), "gain"));
                    return strip.lanes().mul(scaled, normalised(strip, dtype));
                }))
                .addStatement("return sum"));
        kernel.add(row(kernel, "level", TypeName.FLOAT, List.of("by", "gain"), List.of())
                .addCode(sum(
                        kernel,
                        "sum",
                        strip -> strip.lanes().mul(strip.load(dtype, "by"), strip.load(spec.parameters(), "gain"))))
                .addStatement("return sum"));
        kernel.add(row(
                        kernel,
                        "change",
                        TypeName.VOID,
                        List.of("from", "by", "gain"),
                        List.of("mean", "rstd", "slope", "level"))
                .addParameter(long.class, "to", Modifier.FINAL)
                .addStatement("final int dgain = 0")
                .addStatement("final int dbias = width")
                .addCode(Loops.each(kernel.library(), "width", strip -> change(spec, strip))));
        kernel.add(row(kernel, "put", TypeName.VOID, List.of("to"), List.of())
                .addStatement("final int start = 0")
                .addCode(Loops.each(
                        kernel.library(),
                        "width",
                        strip -> strip.store(DType.F32, "to", strip.loadLocal(DType.F32, "start")))));
    }

    private static void change(LayerNormGrad spec, Strip strip) {
        var lanes = strip.lanes();
        var by = strip.let(strip.load(spec.dtype(), "by"));
        var normalised = strip.let(normalised(strip, spec.dtype()));
        strip.storeLocal(DType.F32, "dgain", lanes.add(strip.loadLocal(DType.F32, "dgain"), lanes.mul(by, normalised)));
        strip.storeLocal(DType.F32, "dbias", lanes.add(strip.loadLocal(DType.F32, "dbias"), by));
        var scaled = lanes.mul(by, strip.load(spec.parameters(), "gain"));
        var along = lanes.mul(normalised, strip.splat("slope"));
        var rest = lanes.sub(lanes.sub(scaled, strip.splat("level")), along);
        strip.store(spec.dtype(), "to", lanes.mul(rest, strip.splat("rstd")));
    }

    private static CodeBlock normalised(Strip strip, DType dtype) {
        var centred = strip.lanes().sub(strip.load(dtype, "from"), strip.splat("mean"));
        return strip.lanes().mul(centred, strip.splat("rstd"));
    }

    private static CodeBlock sum(KernelClass kernel, String result, Function<Strip, CodeBlock> term) {
        return Loops.reduce(kernel.library(), ReduceFn.SUM, DType.F32, "width", Loops.UNROLLED, result, term);
    }

    private static MethodSpec.Builder row(
            KernelClass kernel, String name, TypeName returns, List<String> addresses, List<String> numbers) {
        var method = kernel.method(name).returns(returns).addParameter(int.class, "width", Modifier.FINAL);
        addresses.forEach(a -> method.addParameter(long.class, a, Modifier.FINAL));
        numbers.forEach(n -> method.addParameter(float.class, n, Modifier.FINAL));
        return method;
    }

    private static CodeBlock storeRow(KernelClass kernel, ArgumentLayout layout, String name) {
        var at = CodeBlock.of("$L + 4L * row", layout.read(name));
        return Memory.storeOne(kernel.library(), DType.F32, at, CodeBlock.of("$L", name));
    }

    private static CodeBlock loadRow(String name) {
        return Memory.loadOne(DType.F32, CodeBlock.of("$L + 4L * row", BACKWARD.read(name)));
    }
}
