package org.clipc.compiler.jvm;

import com.palantir.javapoet.TypeName;
import java.util.List;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.jvm.RowUnits.Tensor;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * Softmax of rows and its gradient, for the JVM. The largest element is subtracted first, so that nothing overflows. A
 * row's exponentials wait in scratch, as floats, for their sum. The result may lie where an operand lies.
 */
final class SoftmaxTemplate {

    private static final String LARGEST = "largest";
    private static final String SUM_OF_EXPONENTIALS = "sumOfExponentials";

    private final int bits;

    SoftmaxTemplate(int bits) {
        this.bits = bits;
    }

    void plan(KernelSpec.Softmax spec, Launch launch, CallSink sink) {
        var dtype = spec.dtype();
        var columns = launch.inputs().getFirst().dim(1);
        var units = RowUnits.of(new Tensor("x", dtype), new Tensor("y", dtype));
        var description = "Softmax of " + dtype.text() + " rows";
        units.plan(bits, "Softmax", description, launch, columns, columns, sink, k -> render(dtype, units, k));
    }

    private static void render(DType dtype, RowUnits units, KernelClass kernel) {
        kernel.add(units.row(kernel)
                .addStatement("final float largest = $L(arena, local, count, x)", LARGEST)
                .addStatement("final float sum = $L(arena, local, count, x, largest)", SUM_OF_EXPONENTIALS)
                .addStatement("scale(arena, local, count, y, 1f / sum)"));
        addLargest(kernel, dtype);
        addSumOfExponentials(kernel, dtype, true);
        kernel.add(kernel.method("scale")
                .addParameter(int.class, "count", Modifier.FINAL)
                .addParameter(long.class, "y", Modifier.FINAL)
                .addParameter(RowUnits.single("factor"))
                .addCode(Loops.each(
                        kernel.library(),
                        "count",
                        strip -> strip.store(
                                dtype, "y", strip.mul(strip.loadLocal(DType.F32, "0"), strip.splat("factor"))))));
    }

    /** Adds {@code largest(arena, local, count, x)}: the largest element of a row. */
    static void addLargest(KernelClass kernel, DType dtype) {
        kernel.add(kernel.method(LARGEST)
                .returns(TypeName.FLOAT)
                .addParameter(int.class, "count", Modifier.FINAL)
                .addParameter(long.class, "x", Modifier.FINAL)
                .addCode(Loops.reduce(
                        kernel.library(),
                        ReduceFn.MAX,
                        DType.F32,
                        "count",
                        Loops.UNROLLED,
                        "result",
                        strip -> strip.load(dtype, "x")))
                .addStatement("return result"));
    }

    /**
     * Adds {@code sumOfExponentials(arena, local, count, x, shift)}: the sum of e^(x - shift) along a row.
     *
     * @param keep whether the terms stay in scratch
     */
    static void addSumOfExponentials(KernelClass kernel, DType dtype, boolean keep) {
        var rows = List.of(new Tensor("x", dtype));
        RowUnits.addSum(kernel, SUM_OF_EXPONENTIALS, rows, List.of("shift"), 1, strip -> {
            var term = strip.call(JvmVectorMath.EXP, strip.sub(strip.load(dtype, "x"), strip.splat("shift")));
            if (keep) {
                strip.storeLocal(DType.F32, "first", term);
            }
            return term;
        });
    }

    void planGrad(KernelSpec.SoftmaxGrad spec, Launch launch, CallSink sink) {
        var dtype = spec.dtype();
        var columns = launch.inputs().getFirst().dim(1);
        var units = RowUnits.of(new Tensor("dy", dtype), new Tensor("y", dtype), new Tensor("dx", dtype));
        var description = "Gradient of the softmax of " + dtype.text() + " rows";
        units.plan(bits, "SoftmaxGrad", description, launch, columns, 0, sink, k -> renderGrad(dtype, units, k));
    }

    /** dx = y · (dy - sum of y · dy). */
    private static void renderGrad(DType dtype, RowUnits units, KernelClass kernel) {
        var dy = new Tensor("dy", dtype);
        var y = new Tensor("y", dtype);
        kernel.add(units.row(kernel)
                .addStatement("spread(arena, local, count, dy, y, dx, sumOfProducts(arena, local, count, dy, y))"));
        RowUnits.addSum(
                kernel,
                "sumOfProducts",
                List.of(dy, y),
                List.of(),
                Loops.UNROLLED,
                strip -> strip.mul(strip.load(dtype, "dy"), strip.load(dtype, "y")));
        kernel.add(kernel.method("spread")
                .addParameter(int.class, "count", Modifier.FINAL)
                .addParameters(units.tensors().stream().map(Tensor::parameter).toList())
                .addParameter(RowUnits.single("mean"))
                .addCode(Loops.each(kernel.library(), "count", strip -> {
                    var above = strip.sub(strip.load(dtype, "dy"), strip.splat("mean"));
                    strip.store(dtype, "dx", strip.mul(strip.load(dtype, "y"), above));
                })));
    }
}
