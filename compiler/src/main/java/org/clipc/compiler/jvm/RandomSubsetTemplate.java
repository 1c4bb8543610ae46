package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import java.util.Map;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;

/** {@link org.clipc.ir.Op.RandomSubset} for the JVM: a unit is a row, which keeps the indices of its smallest numbers. */
final class RandomSubsetTemplate {

    private static final ArgumentLayout LAYOUT =
            ArgumentLayout.of("seed", "out", "outRow", "outStep", "choose", "from", "stream");

    private final int bits;
    private final boolean ofPart;

    RandomSubsetTemplate(KernelSpec.RandomSubset spec, int bits) {
        this.bits = bits;
        this.ofPart = spec.ofPart();
    }

    void plan(Launch launch, CallSink sink) {
        var out = launch.outputs().getFirst();
        var from = launch.attributes().get(0).intValue();
        var values = Map.of(
                "seed", Argument.of(launch.inputs().getFirst()),
                "out", Argument.of(out),
                "outRow", Argument.of(out.stride(0)),
                "outStep", Argument.of(out.stride(1)),
                "choose", Argument.of(out.dim(1)),
                "from", Argument.of(from),
                "stream", Argument.of(launch.attributes().get(1).longValue()));
        var what = ofPart ? "Random subsets of indices, of a part of the rows" : "Random subsets of indices";
        var kernel = KernelClass.kernel(bits, "RandomSubset", what, LAYOUT, this::render);
        sink.call(kernel, LAYOUT.bind(values), out.dim(0), from, 0);
    }

    private void render(KernelClass kernel) {
        kernel.library().use(JvmHelper.UNIFORM);
        var seed = LAYOUT.read("seed");
        var before = ofPart ? Memory.loadOne(DType.I32, CodeBlock.of("$L + 8", seed)) : CodeBlock.of("0");
        kernel.add(kernel.unit()
                .addCode(LAYOUT.declareInts("choose", "from", "stream"))
                .addStatement(
                        "uniform(((long) unit + $L) * from, from, $L, $L, stream, local, 0)",
                        before,
                        Memory.loadOne(DType.I32, seed),
                        Memory.loadOne(DType.I32, CodeBlock.of("$L + 4", seed)))
                .addStatement("int chosen = 0")
                .beginControlFlow("for (int i = 0; i < from; i++)")
                .addComment("Its place in ascending order; of equals the first comes first.")
                .addStatement("int smaller = 0")
                .beginControlFlow("for (int j = 0; j < from; j++)")
                .addStatement("smaller += local[j] < local[i] || (local[j] == local[i] && j < i) ? 1 : 0")
                .endControlFlow()
                .beginControlFlow("if (smaller < choose)")
                .addStatement(Memory.storeOne(
                        kernel.library(),
                        DType.I32,
                        CodeBlock.of(
                                "$L + 4L * (unit * $L + chosen * $L)",
                                LAYOUT.read("out"),
                                LAYOUT.read("outRow"),
                                LAYOUT.read("outStep")),
                        CodeBlock.of("i")))
                .addStatement("chosen++")
                .endControlFlow()
                .endControlFlow());
    }
}
