package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.jvm.RowUnits.Tensor;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;

/**
 * Cross-entropy of a softmax with one label a row, and its gradient, for the JVM. Losses are f32 whatever the logits are.
 * A label that is no column is taken for the nearest one. The gradient may lie where the logits lie.
 */
final class CrossEntropyTemplate {

    private final int bits;

    CrossEntropyTemplate(int bits) {
        this.bits = bits;
    }

    void plan(KernelSpec.SoftmaxXent spec, Launch launch, CallSink sink) {
        var dtype = spec.dtype();
        var columns = launch.inputs().getFirst().dim(1);
        var units = RowUnits.of(
                new Tensor("x", dtype),
                new Tensor("label", DType.I32),
                new Tensor("loss", DType.F32),
                new Tensor("lse", DType.F32));
        var description = "Cross-entropy of " + dtype.text() + " rows";
        units.plan(bits, "CrossEntropy", description, launch, columns, 0, sink, k -> render(dtype, units, k));
    }

    private static void render(DType dtype, RowUnits units, KernelClass kernel) {
        var library = kernel.library();
        // The loss is a sum of two numbers that are at least 0, so nothing cancels.
        kernel.add(units.row(kernel)
                .addStatement(target())
                .addStatement("final float score = $L", Memory.loadOne(dtype, atTarget(dtype, "x")))
                .addStatement("final float most = largest(arena, local, count, x)")
                .addComment("A row of minus infinities has a sum of 0, whose logarithm is minus infinity.")
                .addStatement("final float shift = most == Float.NEGATIVE_INFINITY ? 0f : most")
                .addStatement(
                        "final float log = $L",
                        library.call(
                                JvmVectorMath.LOG, CodeBlock.of("sumOfExponentials(arena, local, count, x, shift)")))
                .addStatement(Memory.storeOne(
                        library, DType.F32, CodeBlock.of("loss"), CodeBlock.of("log + (shift - score)")))
                .addStatement(Memory.storeOne(library, DType.F32, CodeBlock.of("lse"), CodeBlock.of("shift + log"))));
        SoftmaxTemplate.addLargest(kernel, dtype);
        SoftmaxTemplate.addSumOfExponentials(kernel, dtype, false);
    }

    void planGrad(KernelSpec.SoftmaxXentGrad spec, Launch launch, CallSink sink) {
        var dtype = spec.dtype();
        var columns = launch.inputs().get(1).dim(1);
        var units = RowUnits.of(
                new Tensor("dloss", DType.F32),
                new Tensor("x", dtype),
                new Tensor("label", DType.I32),
                new Tensor("lse", DType.F32),
                new Tensor("dx", dtype));
        var description = "Gradient of the cross-entropy of " + dtype.text() + " rows";
        units.plan(bits, "CrossEntropyGrad", description, launch, columns, 0, sink, k -> renderGrad(dtype, units, k));
    }

    /** dx = dloss · (e^(x - lse) - [at the label]): first without the label's term, then the label's element anew. */
    private static void renderGrad(DType dtype, RowUnits units, KernelClass kernel) {
        var library = kernel.library();
        var score = Memory.loadOne(dtype, atTarget(dtype, "x"));
        kernel.add(units.row(kernel)
                .addStatement(target())
                .addStatement("final float factor = $L", Memory.loadOne(DType.F32, CodeBlock.of("dloss")))
                .addStatement("final float shift = $L", Memory.loadOne(DType.F32, CodeBlock.of("lse")))
                .addStatement(
                        "final float likelihood = $L",
                        library.call(JvmVectorMath.EXP, CodeBlock.of("$L - shift", score)))
                .addStatement("spread(arena, local, count, x, dx, shift, factor)")
                .addStatement(Memory.storeOne(
                        library, dtype, atTarget(dtype, "dx"), CodeBlock.of("factor * (likelihood - 1f)"))));
        kernel.add(kernel.method("spread")
                .addParameter(int.class, "count", Modifier.FINAL)
                .addParameter(long.class, "x", Modifier.FINAL)
                .addParameter(long.class, "dx", Modifier.FINAL)
                .addParameter(RowUnits.single("shift"))
                .addParameter(RowUnits.single("factor"))
                .addCode(Loops.each(library, "count", strip -> {
                    var likelihood =
                            strip.call(JvmVectorMath.EXP, strip.sub(strip.load(dtype, "x"), strip.splat("shift")));
                    strip.store(dtype, "dx", strip.mul(strip.splat("factor"), likelihood));
                })));
    }

    private static CodeBlock target() {
        var label = Memory.loadOne(DType.I32, CodeBlock.of("label"));
        return CodeBlock.of("final int target = Math.max(0, Math.min($L, count - 1))", label);
    }

    private static CodeBlock atTarget(DType dtype, String row) {
        return CodeBlock.of("$L + $LL * target", row, dtype.bytes());
    }
}
