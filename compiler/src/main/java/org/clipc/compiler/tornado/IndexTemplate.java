package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.tornado.TornadoTarget.Kind;
import org.clipc.ir.DType;

/** Gather, and its transpose without atomics, whose order of additions would differ from run to run. */
final class IndexTemplate {

    private static final int GROUP = 128;

    private IndexTemplate() {}

    /** A work item for every element. */
    static void gather(DType dtype, Launch launch, CallSink sink) {
        var table = launch.inputs().get(0);
        var index = launch.inputs().get(1);
        var out = launch.outputs().getFirst();
        var kernel = new TornadoKernel("Gather", "Rows of " + dtype.text() + " by index", GROUP)
                .number("elements", out.elements())
                .number("count", index.dim(1))
                .number("rows", table.dim(1))
                .number("width", table.dim(2));
        putRows(kernel, "table", table);
        putRows(kernel, "index", index);
        putRows(kernel, "out", out);
        var value = TornadoKernel.load(dtype, CodeBlock.of("table + b * tableBatch + row * tableRow + i"));
        kernel.launch(
                sink,
                Math.ceilDiv(out.elements(), GROUP),
                _ -> CodeBlock.builder()
                        .addStatement("final int element = group * $L + local", GROUP)
                        .beginControlFlow("if (element < elements)")
                        .addStatement("final int i = element % width")
                        .addStatement("final int at = element / width % count")
                        .addStatement("final int b = element / width / count")
                        .addStatement("final int asked = n.get(index + b * indexBatch + at * indexRow)")
                        .addStatement("final int row = asked < 0 ? 0 : asked < rows ? asked : rows - 1")
                        .addStatement(
                                TornadoKernel.store(dtype, CodeBlock.of("out + b * outBatch + at * outRow + i"), value))
                        .endControlFlow()
                        .build());
    }

    /**
     * A group for as many rows of the result as it has work items. Each item first counts the updates of one row; then all
     * go through the rows together, and through the updates once more where there are any: few rows of a vocabulary have. For
     * CUDA, see {@link SortedScatterTemplate}.
     */
    static void scatterAdd(DType dtype, Launch launch, Kind kind, CallSink sink) {
        if (kind == Kind.CUDA && dtype.isFloat()) {
            SortedScatterTemplate.plan(launch, sink);
            return;
        }
        var updates = launch.inputs().get(0);
        var index = launch.inputs().get(1);
        var out = launch.outputs().getFirst();
        var blocks = Math.ceilDiv(out.dim(1), GROUP);
        var kernel = new TornadoKernel("ScatterAdd", "Rows of " + dtype.text() + " added by index", GROUP)
                .number("blocks", blocks)
                .number("count", index.dim(1))
                .number("rows", out.dim(1))
                .number("width", out.dim(2));
        putRows(kernel, "updates", updates);
        putRows(kernel, "index", index);
        putRows(kernel, "out", out);
        var type = TornadoKernel.type(dtype);
        var update = TornadoKernel.load(dtype, CodeBlock.of("updates + b * updatesBatch + at * updatesRow + i"));
        var clamped = "asked < 0 ? 0 : asked < rows ? asked : rows - 1";
        kernel.launch(
                sink,
                (long) out.dim(0) * blocks,
                _ -> CodeBlock.builder()
                        .addStatement("final int[] hits = context.allocateIntLocalArray($L)", GROUP)
                        .addStatement("final int b = group / blocks")
                        .addStatement("final int first = group % blocks * $L", GROUP)
                        .addStatement("final int own = first + local")
                        .addStatement("int found = 0")
                        .beginControlFlow("for (int at = 0; at < count; at++)")
                        .addStatement("final int asked = n.get(index + b * indexBatch + at * indexRow)")
                        .addStatement("found += ($L) == own ? 1 : 0", clamped)
                        .endControlFlow()
                        .addStatement("hits[local] = found")
                        .addStatement("context.localBarrier()")
                        .addStatement("final int end = first + $1L < rows ? first + $1L : rows", GROUP)
                        .beginControlFlow("for (int row = first; row < end; row++)")
                        .addStatement("final int times = hits[row - first]")
                        .beginControlFlow("for (int i = local; i < width; i += $L)", GROUP)
                        .addStatement("$T sum = 0", type)
                        .beginControlFlow("if (times > 0)")
                        .beginControlFlow("for (int at = 0; at < count; at++)")
                        .addStatement("final int asked = n.get(index + b * indexBatch + at * indexRow)")
                        .beginControlFlow("if (($L) == row)", clamped)
                        .addStatement("sum += $L", update)
                        .endControlFlow()
                        .endControlFlow()
                        .endControlFlow()
                        .addStatement(TornadoKernel.store(
                                dtype, CodeBlock.of("out + b * outBatch + row * outRow + i"), CodeBlock.of("sum")))
                        .endControlFlow()
                        .endControlFlow()
                        .build());
    }

    /** Binds a tensor of batches of rows by its place and its strides; of the indices, a row is one. */
    private static void putRows(TornadoKernel kernel, String name, View tensor) {
        kernel.at(name, tensor).number(name + "Batch", tensor.stride(0)).number(name + "Row", tensor.stride(1));
    }
}
