package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;

/**
 * {@link org.clipc.ir.Op.RandomSubset}, a work item for every index of every row, in three kernels: draw a number for each;
 * mark those that are among the smallest; write the marked ones in ascending order.
 */
final class RandomSubsetTemplate {

    private static final int GROUP = 128;

    private RandomSubsetTemplate() {}

    static void plan(boolean ofPart, Launch launch, CallSink sink) {
        var out = launch.outputs().getFirst();
        int rows = out.dim(0);
        int from = launch.attributes().get(0).intValue();
        var numbers = sink.temporary(DType.F32, List.of(rows, from));
        var marks = sink.temporary(DType.F32, List.of(rows, from));
        var groups = Math.ceilDiv((long) rows * from, GROUP);
        var before = ofPart ? "n.get(seed + 2) * (long) from" : "0L";
        kernel("draws the numbers" + (ofPart ? " of a part of the rows" : ""), rows, from)
                .at("seed", launch.inputs().getFirst())
                .at("numbers", numbers)
                .number("stream", launch.attributes().get(1).longValue())
                .launch(
                        sink,
                        groups,
                        helpers -> each(CodeBlock.of(
                                "final long number = $L + element;\nf.set(numbers + element, $L);\n",
                                before,
                                TornadoMathCode.UNIFORM.call(
                                        helpers,
                                        CodeBlock.of("(int) number"),
                                        CodeBlock.of("(int) (number >>> 32)"),
                                        CodeBlock.of("n.get(seed)"),
                                        CodeBlock.of("n.get(seed + 1)"),
                                        CodeBlock.of("stream")))));
        kernel("marks the smallest", rows, from)
                .at("numbers", numbers)
                .at("marks", marks)
                .number("choose", out.dim(1))
                .launch(sink, groups, _ -> each(CodeBlock.of("""
                        final int row = numbers + element / from * from;
                        final int i = element % from;
                        final float mine = f.get(row + i);
                        int before = 0;
                        for (int j = 0; j < from; j++) {
                            before += f.get(row + j) < mine ? 1 : 0;
                        }
                        for (int j = 0; j < i; j++) {
                            before += f.get(row + j) == mine ? 1 : 0;
                        }
                        f.set(marks + element, before < choose ? 1f : 0f);
                        """)));
        kernel("writes the marked", rows, from)
                .at("marks", marks)
                .at("out", out)
                .number("outRow", out.stride(0))
                .number("outStep", out.stride(1))
                .launch(sink, groups, _ -> each(CodeBlock.of("""
                        final int row = element / from;
                        final int i = element % from;
                        if (f.get(marks + element) > 0f) {
                            int before = 0;
                            for (int j = 0; j < i; j++) {
                                before += f.get(marks + row * from + j) > 0f ? 1 : 0;
                            }
                            n.set(out + row * outRow + before * outStep, i);
                        }
                        """)));
    }

    private static TornadoKernel kernel(String what, int rows, int from) {
        return new TornadoKernel("RandomSubset", "Random subsets of indices: " + what, GROUP)
                .number("elements", (long) rows * from)
                .number("from", from);
    }

    private static CodeBlock each(CodeBlock body) {
        return CodeBlock.builder()
                .addStatement("final int element = group * $L + local", GROUP)
                .beginControlFlow("if (element < elements)")
                .add(body)
                .endControlFlow()
                .build();
    }
}
