package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.ParameterSpec;
import com.palantir.javapoet.TypeName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * A kernel that treats each row of [rows, n] matrices alone; vectors [rows] hold one number a row. A unit is a group of
 * rows, and hands each to the method {@code row}, which a template completes. No row's result depends on the grouping.
 *
 * @param tensors the launch's inputs, then its outputs
 */
record RowUnits(List<Tensor> tensors) {

    /** @param name of the variable that holds the byte address of a row's first element */
    record Tensor(String name, DType dtype) {

        private String row() {
            return name + "Row";
        }

        ParameterSpec parameter() {
            return ParameterSpec.builder(TypeName.LONG, name, Modifier.FINAL).build();
        }
    }

    /** Elements of a unit, about. */
    private static final int UNIT = 1 << 14;

    /** Elements of a row that are summed before they join the row's sum, so that errors do not grow with its length. */
    private static final int CHUNK = 2048;

    RowUnits {
        tensors = List.copyOf(tensors);
    }

    static RowUnits of(Tensor... tensors) {
        return new RowUnits(List.of(tensors));
    }

    private ArgumentLayout layout() {
        var names = new ArrayList<>(List.of("rows", "count", "rowsPerUnit"));
        tensors.forEach(tensor -> names.addAll(List.of(tensor.name, tensor.row())));
        return new ArgumentLayout(names);
    }

    /**
     * Calls the kernel over all rows.
     *
     * @param columns of the matrices
     * @param localFloats scratch that a row needs
     * @param body adds {@code row}, as begun by {@link #row}, and what it calls
     */
    void plan(
            int bits,
            String stem,
            String description,
            Launch launch,
            int columns,
            int localFloats,
            CallSink sink,
            KernelClass.Body body) {
        var views = Stream.concat(launch.inputs().stream(), launch.outputs().stream())
                .toList();
        var rows = views.getFirst().dim(0);
        var rowsPerUnit = Math.max(1, UNIT / columns);
        var values = new HashMap<String, Argument>();
        values.put("rows", Argument.of(rows));
        values.put("count", Argument.of(columns));
        values.put("rowsPerUnit", Argument.of(rowsPerUnit));
        for (var i = 0; i < tensors.size(); i++) {
            values.put(tensors.get(i).name, Argument.of(views.get(i)));
            values.put(tensors.get(i).row(), Argument.of(views.get(i).stride(0)));
        }
        var layout = layout();
        var kernel = KernelClass.kernel(bits, stem, description, layout, k -> {
            k.add(unit(k));
            body.render(k);
        });
        sink.call(kernel, layout.bind(values), Math.ceilDiv(rows, rowsPerUnit), localFloats, 0);
    }

    private MethodSpec.Builder unit(KernelClass kernel) {
        var layout = kernel.layout();
        var unit = kernel.unit()
                .addCode(layout.declareInts("rows", "count", "rowsPerUnit"))
                .addStatement("final int end = Math.min((unit + 1) * rowsPerUnit, rows)")
                .beginControlFlow("for (int r = unit * rowsPerUnit; r < end; r++)");
        for (var tensor : tensors) {
            unit.addStatement(
                    "final long $L = $L + $LL * r * $L",
                    tensor.name,
                    layout.read(tensor.name),
                    tensor.dtype.bytes(),
                    layout.read(tensor.row()));
        }
        var addresses = tensors.stream().map(Tensor::name).collect(Collectors.joining(", "));
        return unit.addStatement("row(arena, local, count, $L)", addresses).endControlFlow();
    }

    /** Begins {@code row(arena, local, count, addresses…)}. */
    MethodSpec.Builder row(KernelClass kernel) {
        return kernel.method("row")
                .addParameter(int.class, "count", Modifier.FINAL)
                .addParameters(tensors.stream().map(Tensor::parameter).toList());
    }

    static ParameterSpec single(String name) {
        return ParameterSpec.builder(TypeName.FLOAT, name, Modifier.FINAL).build();
    }

    /**
     * Adds the method {@code name(arena, local, count, rows…, singles…)} that sums what {@code term} gives along a row.
     * Within {@code term}, the variable {@code first} counts the elements before the step's {@code i}th.
     *
     * @param unroll as in {@link Loops#reduce}
     */
    static void addSum(
            KernelClass kernel,
            String name,
            List<Tensor> rows,
            List<String> singles,
            int unroll,
            Function<Strip, CodeBlock> term) {
        var parameters = Stream.concat(
                        rows.stream().map(Tensor::parameter), singles.stream().map(RowUnits::single))
                .toList();
        var arguments = Stream.concat(
                        rows.stream().map(row -> row.name + " + " + row.dtype.bytes() + "L * c"), singles.stream())
                .collect(Collectors.joining(", "));
        kernel.add(kernel.method(name)
                .returns(TypeName.FLOAT)
                .addParameter(int.class, "count", Modifier.FINAL)
                .addParameters(parameters)
                .addStatement("float total = 0f")
                .beginControlFlow("for (int c = 0; c < count; c += $L)", CHUNK)
                .addStatement(
                        "total += $LOfChunk(arena, local, c, Math.min($L, count - c), $L)", name, CHUNK, arguments)
                .endControlFlow()
                .addStatement("return total"));
        kernel.add(kernel.method(name + "OfChunk")
                .returns(TypeName.FLOAT)
                .addParameter(int.class, "first", Modifier.FINAL)
                .addParameter(int.class, "n", Modifier.FINAL)
                .addParameters(parameters)
                .addCode(Loops.reduce(kernel.library(), ReduceFn.SUM, DType.F32, "n", unroll, "total", term))
                .addStatement("return total"));
    }
}
