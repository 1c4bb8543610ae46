package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.tornado.TornadoTarget.Kind;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * Kernels of whole rows: a group for each row, whose items take columns in turn and meet in {@link GroupSum}s. On CPUs,
 * which barriers cost much, groups are small. Layer normalisations for CUDA are {@link WarpNormTemplate}'s where it takes
 * them.
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
            case GPU, CUDA -> 128;
        };
        sums = new GroupSum(groupSize);
    }

    /** Operands of a kernel by name: their element types are part of what the kernel is. */
    private record Operands(List<String> names, List<View> views) {

        private DType dtype(String name) {
            return views.get(names.indexOf(name)).dtype();
        }

        CodeBlock load(String name, String index) {
            return TornadoKernel.load(dtype(name), index);
        }

        CodeBlock store(String name, String index, CodeBlock value) {
            return TornadoKernel.store(dtype(name), CodeBlock.of("$L", index), value);
        }

        /** The value of an operand's element in the row of the group, at column {@code i}. */
        CodeBlock here(String name) {
            return load(name, place(name));
        }

        CodeBlock storeHere(String name, CodeBlock value) {
            return store(name, place(name), value);
        }

        private String place(String name) {
            return views.get(names.indexOf(name)).dims().size() == 2
                    ? "%s + group * %sRow + i".formatted(name, name)
                    : name + " + i";
        }

        String describe() {
            return names.stream().map(n -> n + " " + dtype(n).text()).collect(Collectors.joining(", "));
        }
    }

    private static Operands operands(List<String> names, Launch launch) {
        var views = new ArrayList<>(launch.inputs());
        views.addAll(launch.outputs());
        return new Operands(names, views);
    }

    /** A kernel with its operands bound: matrices [rows, columns] with their row strides as {@code <name>Row}, and vectors. */
    private TornadoKernel kernel(String stem, String description, Operands operands) {
        return bind(new TornadoKernel(stem, description + ", " + operands.describe(), groupSize), operands);
    }

    private static TornadoKernel bind(TornadoKernel kernel, Operands operands) {
        for (var name : operands.names()) {
            var view = operands.views().get(operands.names().indexOf(name));
            kernel.at(name, view);
            if (view.dims().size() == 2) {
                kernel.number(name + "Row", view.stride(0));
            }
        }
        return kernel;
    }

    private CodeBlock.Builder columns(CodeBlock.Builder code, CodeBlock statement) {
        return code.beginControlFlow("for (int i = local; i < count; i += $L)", groupSize)
                .addStatement(statement)
                .endControlFlow();
    }

    void softmax(Launch launch, CallSink sink) {
        var x = launch.inputs().getFirst();
        var of = operands(List.of("x", "y"), launch);
        kernel("Softmax", "Softmax of rows", of).number("count", x.dim(1)).launch(sink, x.dim(0), helpers -> {
            TornadoMathCode.EXP.add(helpers);
            var code = CodeBlock.builder().add(sums.declare());
            code.add(largest(of)).addStatement("float part = 0f");
            columns(code, CodeBlock.of("part += exp($L - largest)", of.here("x")));
            code.add(sums.sum("sum", "part")).addStatement("final float factor = 1f / sum");
            return columns(code, of.storeHere("y", CodeBlock.of("exp($L - largest) * factor", of.here("x"))))
                    .build();
        });
    }

    private CodeBlock largest(Operands of) {
        var code = CodeBlock.builder().addStatement("float most = Float.NEGATIVE_INFINITY");
        columns(code, CodeBlock.of("most = $1L > most ? $1L : most", of.here("x")));
        return code.add(sums.max("largest", "most")).build();
    }

    void softmaxGrad(Launch launch, CallSink sink) {
        var dy = launch.inputs().getFirst();
        var of = operands(List.of("dy", "y", "dx"), launch);
        kernel("SoftmaxGrad", "Gradient of the softmax of rows", of)
                .number("count", dy.dim(1))
                .launch(sink, dy.dim(0), _ -> {
                    var code = CodeBlock.builder().add(sums.declare()).addStatement("float part = 0f");
                    columns(code, CodeBlock.of("part += $L * $L", of.here("dy"), of.here("y")));
                    code.add(sums.sum("mean", "part"));
                    return columns(
                                    code,
                                    of.storeHere("dx", CodeBlock.of("$L * ($L - mean)", of.here("y"), of.here("dy"))))
                            .build();
                });
    }

    void crossEntropy(Launch launch, CallSink sink) {
        var x = launch.inputs().getFirst();
        var of = operands(List.of("x", "label", "loss", "lse"), launch);
        var kernel = kernel("CrossEntropy", "Cross-entropy of rows", of).number("count", x.dim(1));
        kernel.launch(sink, x.dim(0), helpers -> {
            TornadoMathCode.EXP.add(helpers);
            var code = CodeBlock.builder().add(sums.declare());
            code.add(largest(of))
                    // A row of minus infinities has a sum of 0, whose logarithm is minus infinity.
                    .addStatement("final float shift = largest == Float.NEGATIVE_INFINITY ? 0f : largest")
                    .addStatement("float part = 0f");
            columns(code, CodeBlock.of("part += exp($L - shift)", of.here("x")));
            return code.add(sums.sum("sum", "part"))
                    .beginControlFlow("if (local == 0)")
                    .addStatement("final int asked = n.get(label + group)")
                    .addStatement("final int target = asked < 0 ? 0 : asked < count ? asked : count - 1")
                    .addStatement("final float log = $T.log(sum)", TornadoApi.MATH)
                    .addStatement(of.store(
                            "loss",
                            "loss + group",
                            CodeBlock.of("log + (shift - $L)", of.load("x", "x + group * xRow + target"))))
                    .addStatement(of.store("lse", "lse + group", CodeBlock.of("shift + log")))
                    .endControlFlow()
                    .build();
        });
    }

    /** dx = dloss · (e^(x - lse) - [at the label]). */
    void crossEntropyGrad(Launch launch, CallSink sink) {
        var x = launch.inputs().get(1);
        var of = operands(List.of("dloss", "x", "label", "lse", "dx"), launch);
        var kernel = kernel("CrossEntropyGrad", "Gradient of the cross-entropy of rows", of)
                .number("count", x.dim(1));
        kernel.launch(sink, x.dim(0), helpers -> {
            TornadoMathCode.EXP.add(helpers);
            var code = CodeBlock.builder()
                    .addStatement("final int asked = n.get(label + group)")
                    .addStatement("final int target = asked < 0 ? 0 : asked < count ? asked : count - 1")
                    .addStatement("final float factor = $L", of.load("dloss", "dloss + group"))
                    .addStatement("final float shift = $L", of.load("lse", "lse + group"));
            return columns(
                            code,
                            of.storeHere(
                                    "dx",
                                    CodeBlock.of("factor * (exp($L - shift) - (i == target ? 1f : 0f))", of.here("x"))))
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

    void layerNorm(Launch launch, CallSink sink) {
        if (kind == Kind.CUDA && WarpNormTemplate.takesForward(launch)) {
            WarpNormTemplate.forward(launch, sink);
            return;
        }
        var x = launch.inputs().getFirst();
        var of = operands(List.of("x", "gain", "bias", "y", "mean", "rstd"), launch);
        var kernel = kernel("LayerNorm", "Layer normalisation of rows", of)
                .number("count", x.dim(1))
                .real("epsilon", launch.attributes().getFirst());
        kernel.launch(sink, x.dim(0), _ -> {
            var code = CodeBlock.builder().add(sums.declare()).addStatement("float part = 0f");
            columns(code, CodeBlock.of("part += $L", of.here("x")));
            code.add(sums.sum("total", "part"))
                    .addStatement("final float centre = total / count")
                    .addStatement("float square = 0f");
            columns(code, CodeBlock.of("square += ($1L - centre) * ($1L - centre)", of.here("x")));
            code.add(sums.sum("squares", "square"))
                    .addStatement("final float scale = 1f / $T.sqrt(squares / count + epsilon)", TornadoApi.MATH)
                    .beginControlFlow("if (local == 0)")
                    .addStatement(of.store("mean", "mean + group", CodeBlock.of("centre")))
                    .addStatement(of.store("rstd", "rstd + group", CodeBlock.of("scale")))
                    .endControlFlow();
            return columns(
                            code,
                            of.storeHere(
                                    "y",
                                    CodeBlock.of(
                                            "($L - centre) * scale * $L + $L",
                                            of.here("x"),
                                            of.here("gain"),
                                            of.here("bias"))))
                    .build();
        });
    }

    void layerNormGrad(Launch launch, CallSink sink) {
        if (kind == Kind.CUDA && WarpNormTemplate.takesBackward(launch)) {
            WarpNormTemplate.backward(launch, sink);
            return;
        }
        var x = launch.inputs().get(1);
        int rows = x.dim(0);
        int width = x.dim(1);
        var of = operands(List.of("dy", "x", "gain", "mean", "rstd", "dx"), launch);
        var kernel = kernel("LayerNormGrad", "Gradient of layer normalisation of rows", of)
                .number("count", width);
        kernel.launch(sink, rows, _ -> {
            var normal = CodeBlock.of("($L - centre) * scale", of.here("x"));
            var change = CodeBlock.of("$L * $L", of.here("dy"), of.here("gain"));
            var code = CodeBlock.builder()
                    .add(sums.declare())
                    .addStatement("final float centre = $L", of.load("mean", "mean + group"))
                    .addStatement("final float scale = $L", of.load("rstd", "rstd + group"))
                    .addStatement("float along = 0f")
                    .addStatement("float all = 0f");
            columns(code, CodeBlock.of("along += $L * ($L)", change, normal));
            columns(code, CodeBlock.of("all += $L", change));
            code.add(sums.sum("slopes", "along"))
                    .add(sums.sum("levels", "all"))
                    .addStatement("final float slope = slopes / count")
                    .addStatement("final float level = levels / count");
            return columns(code, of.storeHere("dx", CodeBlock.of("($L - level - $L * slope) * scale", change, normal)))
                    .build();
        });
        gains(launch, rows, width, sink);
    }

    /** Sums of dy times the normalised x, and of dy, over pieces of the rows; then over the pieces. */
    private void gains(Launch launch, int rows, int width, CallSink sink) {
        var pieces = Math.ceilDiv(rows, GAIN_ROWS);
        var across = Math.ceilDiv(width, ITEMS);
        var sums = sink.temporary(DType.F32, List.of(1, pieces, 2 * width));
        var views = launch.inputs();
        var of = new Operands(
                List.of("dy", "x", "mean", "rstd"), List.of(views.get(0), views.get(1), views.get(3), views.get(4)));
        var kernel = new TornadoKernel(
                        "LayerNormGains",
                        "Gradients of the gain and bias of a layer normalisation, " + of.describe(),
                        ITEMS)
                .number("rows", rows)
                .number("count", width)
                .number("across", across)
                .at("sums", sums);
        bind(kernel, of)
                .launch(
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
                                .addStatement("final float d = $L", of.load("dy", "dy + row * dyRow + i"))
                                .addStatement(
                                        "dgain += d * (($L - $L) * $L)",
                                        of.load("x", "x + row * xRow + i"),
                                        of.load("mean", "mean + row"),
                                        of.load("rstd", "rstd + row"))
                                .addStatement("dbias += d")
                                .endControlFlow()
                                .addStatement("final int at = sums + group / across * 2 * count + i")
                                .addStatement("f.set(at, dgain)")
                                .addStatement("f.set(at + count, dbias)")
                                .endControlFlow()
                                .build());
        for (var i = 0; i < 2; i++) {
            var part = new View(sums.buffer(), (long) i * width, DType.F32, List.of(1, pieces, width), sums.strides());
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
