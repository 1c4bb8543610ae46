package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import java.util.Map;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;

/** Index of the first largest element of each row, for the JVM: one element after the other, for rows are short. */
final class ArgMaxTemplate {

    private static final int UNIT = 1 << 14;

    private static final ArgumentLayout LAYOUT =
            ArgumentLayout.of("x", "xRow", "xStep", "out", "outStep", "rows", "count", "rowsPerUnit");

    private final int bits;

    ArgMaxTemplate(int bits) {
        this.bits = bits;
    }

    void plan(DType dtype, Launch launch, CallSink sink) {
        var x = launch.inputs().getFirst();
        var out = launch.outputs().getFirst();
        var rows = x.dim(0);
        var rowsPerUnit = Math.max(1, UNIT / x.dim(1));
        var values = Map.of(
                "x", Argument.of(x),
                "xRow", Argument.of(x.stride(0)),
                "xStep", Argument.of(x.stride(1)),
                "out", Argument.of(out),
                "outStep", Argument.of(out.stride(0)),
                "rows", Argument.of(rows),
                "count", Argument.of(x.dim(1)),
                "rowsPerUnit", Argument.of(rowsPerUnit));
        var kernel = KernelClass.kernel(
                bits, "ArgMax", "Arg-max of " + dtype.text() + " rows", LAYOUT, k -> render(dtype, k));
        sink.call(kernel, LAYOUT.bind(values), Math.ceilDiv(rows, rowsPerUnit), 0, 0);
    }

    private static void render(DType dtype, KernelClass kernel) {
        var type = Stepper.single(dtype);
        var first = CodeBlock.of("$L + $LL * row * $L", LAYOUT.read("x"), dtype.bytes(), LAYOUT.read("xRow"));
        kernel.add(kernel.unit()
                .addCode(LAYOUT.declareInts("rows", "count", "rowsPerUnit"))
                .addStatement("final long step = $LL * $L", dtype.bytes(), LAYOUT.read("xStep"))
                .addStatement("final int end = Math.min((unit + 1) * rowsPerUnit, rows)")
                .beginControlFlow("for (int row = unit * rowsPerUnit; row < end; row++)")
                .addStatement("final long x = $L", first)
                .addStatement("int best = 0")
                .addStatement("$T largest = $L", type, Memory.loadOne(dtype, CodeBlock.of("x")))
                .beginControlFlow("for (int i = 1; i < count; i++)")
                .addStatement("final $T here = $L", type, Memory.loadOne(dtype, CodeBlock.of("x + i * step")))
                .beginControlFlow("if (here > largest)")
                .addStatement("largest = here")
                .addStatement("best = i")
                .endControlFlow()
                .endControlFlow()
                .addStatement(Memory.storeOne(
                        kernel.library(),
                        DType.I32,
                        CodeBlock.of("$L + 4L * row * $L", LAYOUT.read("out"), LAYOUT.read("outStep")),
                        CodeBlock.of("best")))
                .endControlFlow());
    }
}
