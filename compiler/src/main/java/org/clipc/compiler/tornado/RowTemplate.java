package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.tornado.TornadoTarget.Kind;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * Kernels of whole rows: a group for each row, whose items take columns in turn and meet in {@link GroupSum}s. On CPUs,
 * which barriers cost much, groups are small.
 */
final class RowTemplate {

    /** Rows whose gains and biases a group of the layer norm's backward pass sums up. */
    private static final int GAIN_ROWS = 64;

    /** Work items of a group where none needs another. */
    private static final int ITEMS = 128;

    private final Kind kind;
    private final int groupSize;
    private final GroupSum sums;

    RowTemplate(Kind kind) {
        this.kind = kind;
        groupSize = switch (kind) {
            case CPU -> 8;
            case GPU -> 128;
        };
        sums = new GroupSum(groupSize);
    }

    private TornadoKernel kernel(String stem, String description) {
        return new TornadoKernel(stem, description, groupSize);
    }

    /** Binds matrices [rows, columns] and vectors [rows] by name, the former's row stride as {@code <name>Row}. */
    private static void bind(TornadoKernel kernel, List<String> names, List<View> views) {
        for (var i = 0; i < names.size(); i++) {
            kernel.at(names.get(i), views.get(i));
            if (views.get(i).dims().size() == 2) {
                kernel.number(names.get(i) + "Row", views.get(i).stride(0));
            }
        }
    }

    private CodeBlock.Builder columns(CodeBlock.Builder code, String statement) {
        return code.beginControlFlow("for (int i = local; i < count; i += $L)", groupSize)
                .addStatement(statement)
                .endControlFlow();
    }

    void softmax(DType dtype, Launch launch, CallSink sink) {
        var x = launch.inputs().getFirst();
        var kernel = kernel("Softmax", "Softmax of " + dtype.text() + " rows").number("count", x.dim(1));
        bind(kernel, List.of("x", "y"), List.of(x, launch.outputs().getFirst()));
        kernel.launch(sink, x.dim(0), helpers -> {
            TornadoMathCode.EXP.add(helpers);
            var code = CodeBlock.builder()
                    .add(sums.declare())
                    .addStatement("final int from = x + group * xRow")
                    .addStatement("final int to = y + group * yRow");
            code.add(largest());
            code.addStatement("float part = 0f");
            columns(code, "part += exp(f.get(from + i) - largest)");
            code.add(sums.sum("sum", "part")).addStatement("final float factor = 1f / sum");
            return columns(code, "f.set(to + i, exp(f.get(from + i) - largest)" + " * factor)")
                    .build();
        });
    }

    private CodeBlock largest() {
        var code = CodeBlock.builder().addStatement("float most = Float.NEGATIVE_INFINITY");
        columns(code, "most = f.get(from + i) > most ? f.get(from + i) : most");
        return code.add(sums.max("largest", "most")).build();
    }

    void softmaxGrad(DType dtype, Launch launch, CallSink sink) {
        var dy = launch.inputs().getFirst();
        var kernel = kernel("SoftmaxGrad", "Gradient of the softmax of " + dtype.text() + " rows")
                .number("count", dy.dim(1));
        bind(
                kernel,
                List.of("dy", "y", "dx"),
                List.of(dy, launch.inputs().get(1), launch.outputs().getFirst()));
        kernel.launch(sink, dy.dim(0), _ -> {
            var code = CodeBlock.builder().add(sums.declare()).addStatement("float part = 0f");
            columns(code, "part += f.get(dy + group * dyRow + i) * f.get(y + group * yRow + i)");
            code.add(sums.sum("mean", "part"));
            return columns(
                            code,
                            "f.set(dx + group * dxRow + i, f.get(y + group * yRow + i)"
                                    + " * (f.get(dy + group * dyRow + i) - mean))")
                    .build();
        });
    }

    void crossEntropy(DType dtype, Launch launch, CallSink sink) {
        var x = launch.inputs().getFirst();
        var kernel = kernel("CrossEntropy", "Cross-entropy of " + dtype.text() + " rows")
                .number("count", x.dim(1));
        bind(
                kernel,
                List.of("x", "label", "loss", "lse"),
                List.of(
                        x,
                        launch.inputs().get(1),
                        launch.outputs().get(0),
                        launch.outputs().get(1)));
        kernel.launch(sink, x.dim(0), helpers -> {
            TornadoMathCode.EXP.add(helpers);
            var code = CodeBlock.builder().add(sums.declare()).addStatement("final int from = x + group * xRow");
            code.add(largest())
                    // A row of minus infinities has a sum of 0, whose logarithm is minus infinity.
                    .addStatement("final float shift = largest == Float.NEGATIVE_INFINITY ? 0f : largest")
                    .addStatement("float part = 0f");
            columns(code, "part += exp(f.get(from + i) - shift)");
            return code.add(sums.sum("sum", "part"))
                    .beginControlFlow("if (local == 0)")
                    .addStatement("final int asked = n.get(label + group)")
                    .addStatement("final int target = asked < 0 ? 0 : asked < count ? asked : count - 1")
                    .addStatement("final float log = $T.log(sum)", TornadoApi.MATH)
                    .addStatement("f.set(loss + group, log + (shift - f.get(from + target)))")
                    .addStatement("f.set(lse + group, shift + log)")
                    .endControlFlow()
                    .build();
        });
    }

    /** dx = dloss · (e^(x - lse) - [at the label]). */
    void crossEntropyGrad(DType dtype, Launch launch, CallSink sink) {
        var x = launch.inputs().get(1);
        var kernel = kernel("CrossEntropyGrad", "Gradient of the cross-entropy of " + dtype.text() + " rows")
                .number("count", x.dim(1));
        bind(
                kernel,
                List.of("dloss", "x", "label", "lse", "dx"),
                List.of(
                        launch.inputs().get(0),
                        x,
                        launch.inputs().get(2),
                        launch.inputs().get(3),
                        launch.outputs().getFirst()));
        kernel.launch(sink, x.dim(0), helpers -> {
            TornadoMathCode.EXP.add(helpers);
            var code = CodeBlock.builder()
                    .addStatement("final int asked = n.get(label + group)")
                    .addStatement("final int target = asked < 0 ? 0 : asked < count ? asked : count - 1")
                    .addStatement("final float factor = f.get(dloss + group)")
                    .addStatement("final float shift = f.get(lse + group)");
            return columns(
                            code,
                            "f.set(dx + group * dxRow + i, factor"
                                    + " * (exp(f.get(x + group * xRow + i) - shift)"
                                    + " - (i == target ? 1f : 0f)))")
                    .build();
        });
    }

    void argMax(DType dtype, Launch launch, CallSink sink) {
        var x = launch.inputs().getFirst();
        var out = launch.outputs().getFirst();
        var kernel = new TornadoKernel("ArgMax", "Arg-max of " + dtype.text() + " rows", ITEMS)
                .number("rows", x.dim(0))
                .number("count", x.dim(1))
                .at("x", x)
                .number("xRow", x.stride(0))
                .number("xStep", x.stride(1))
                .at("out", out)
                .number("outStep", out.stride(0));
        var value = TornadoKernel.load(dtype, CodeBlock.of("x + row * xRow + i * xStep"));
        var first = TornadoKernel.load(dtype, CodeBlock.of("x + row * xRow"));
        kernel.launch(
                sink,
                Math.ceilDiv(x.dim(0), ITEMS),
                _ -> CodeBlock.builder()
                        .addStatement("final int row = group * $L + local", ITEMS)
                        .beginControlFlow("if (row < rows)")
                        .addStatement("int best = 0")
                        .addStatement("$T most = $L", TornadoKernel.type(dtype), first)
                        .beginControlFlow("for (int i = 1; i < count; i++)")
                        .addStatement("final $T here = $L", TornadoKernel.type(dtype), value)
                        .beginControlFlow("if (here > most)")
                        .addStatement("most = here")
                        .addStatement("best = i")
                        .endControlFlow()
                        .endControlFlow()
                        .addStatement("n.set(out + row * outStep, best)")
                        .endControlFlow()
                        .build());
    }

    void layerNorm(KernelSpec.LayerNorm spec, Launch launch, CallSink sink) {
        var x = launch.inputs().getFirst();
        var kernel = kernel(
                        "LayerNorm", "Layer normalisation of " + spec.dtype().text() + " rows")
                .number("count", x.dim(1))
                .real("epsilon", launch.attributes().getFirst());
        bind(kernel, List.of("x", "gain", "bias"), launch.inputs());
        bind(kernel, List.of("y", "mean", "rstd"), launch.outputs());
        kernel.launch(sink, x.dim(0), _ -> {
            var code = CodeBlock.builder()
                    .add(sums.declare())
                    .addStatement("final int from = x + group * xRow")
                    .addStatement("float part = 0f");
            columns(code, "part += f.get(from + i)");
            code.add(sums.sum("total", "part"))
                    .addStatement("final float centre = total / count")
                    .addStatement("float square = 0f");
            columns(code, "square += (f.get(from + i) - centre) * (f.get(from + i) - centre)");
            code.add(sums.sum("squares", "square"))
                    .addStatement("final float scale = 1f / $T.sqrt(squares / count + epsilon)", TornadoApi.MATH)
                    .beginControlFlow("if (local == 0)")
                    .addStatement("f.set(mean + group, centre)")
                    .addStatement("f.set(rstd + group, scale)")
                    .endControlFlow();
            return columns(
                            code,
                            "f.set(y + group * yRow + i,"
                                    + " (f.get(from + i) - centre) * scale * f.get(gain + i) + f.get(bias + i))")
                    .build();
        });
    }

    void layerNormGrad(KernelSpec.LayerNormGrad spec, Launch launch, CallSink sink) {
        var x = launch.inputs().get(1);
        int rows = x.dim(0);
        int width = x.dim(1);
        var kernel = kernel(
                        "LayerNormGrad",
                        "Gradient of layer normalisation of " + spec.dtype().text() + " rows")
                .number("count", width);
        var names = List.of("dy", "x", "gain", "mean", "rstd");
        bind(kernel, names, launch.inputs());
        bind(kernel, List.of("dx"), launch.outputs().subList(0, 1));
        kernel.launch(sink, rows, _ -> {
            var code = CodeBlock.builder()
                    .add(sums.declare())
                    .addStatement("final int from = x + group * xRow")
                    .addStatement("final int by = dy + group * dyRow")
                    .addStatement("final float centre = f.get(mean + group)")
                    .addStatement("final float scale = f.get(rstd + group)")
                    .addStatement("float along = 0f")
                    .addStatement("float all = 0f");
            columns(code, "along += f.get(by + i) * f.get(gain + i) * ((f.get(from + i) - centre) * scale)");
            columns(code, "all += f.get(by + i) * f.get(gain + i)");
            code.add(sums.sum("slopes", "along"))
                    .add(sums.sum("levels", "all"))
                    .addStatement("final float slope = slopes / count")
                    .addStatement("final float level = levels / count");
            return columns(
                            code,
                            "f.set(dx + group * dxRow + i, (f.get(by + i) * f.get(gain + i) - level"
                                    + " - (f.get(from + i) - centre) * scale * slope) * scale)")
                    .build();
        });
        gains(launch, rows, width, sink);
    }

    /** Sums of dy times the normalised x, and of dy, over pieces of the rows; then over the pieces. */
    private void gains(Launch launch, int rows, int width, CallSink sink) {
        var pieces = Math.ceilDiv(rows, GAIN_ROWS);
        var across = Math.ceilDiv(width, ITEMS);
        var sums = sink.temporary(2L * pieces * width * Float.BYTES);
        var strides = List.of(2L * pieces * width, 2L * width, 1L);
        var kernel = new TornadoKernel(
                        "LayerNormGains", "Gradients of the gain and bias of a layer normalisation", ITEMS)
                .number("rows", rows)
                .number("count", width)
                .number("across", across)
                .at("sums", new View(sums, 0, DType.F32, List.of(1, pieces, 2 * width), strides));
        var views = launch.inputs();
        bind(
                kernel,
                List.of("dy", "x", "mean", "rstd"),
                List.of(views.get(0), views.get(1), views.get(3), views.get(4)));
        kernel.launch(
                sink,
                (long) pieces * across,
                _ -> CodeBlock.builder()
                        .addStatement("final int i = group % across * $L + local", ITEMS)
                        .addStatement("final int from = group / across * $L", GAIN_ROWS)
                        .addStatement("final int to = from + $1L < rows ? from + $1L : rows", GAIN_ROWS)
                        .beginControlFlow("if (i < count)")
                        .addStatement("float dgain = 0f")
                        .addStatement("float dbias = 0f")
                        .beginControlFlow("for (int row = from; row < to; row++)")
                        .addStatement("final float d = f.get(dy + row * dyRow + i)")
                        .addStatement(
                                "dgain += d * ((f.get(x + row * xRow + i) - f.get(mean + row)) * f.get(rstd + row))")
                        .addStatement("dbias += d")
                        .endControlFlow()
                        .addStatement("final int at = sums + group / across * 2 * count + i")
                        .addStatement("f.set(at, dgain)")
                        .addStatement("f.set(at + count, dbias)")
                        .endControlFlow()
                        .build());
        for (var i = 0; i < 2; i++) {
            var part = new View(sums, (long) i * width, DType.F32, List.of(1, pieces, width), strides);
            var total = launch.outputs().get(1 + i);
            var output = new View(
                    total.buffer(),
                    total.offset(),
                    total.dtype(),
                    List.of(1, width),
                    List.of((long) width, total.stride(0)));
            ReduceTemplate.combine(ReduceFn.SUM, part, output, kind, sink);
        }
    }
}
