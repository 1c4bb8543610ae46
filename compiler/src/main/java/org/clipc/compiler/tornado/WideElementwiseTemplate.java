package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Elementwise;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * {@link Elementwise} for CUDA: a work item for as many neighbours along the last axis as go through accesses of 16 bytes
 * (see {@link WideSpace}), so that addresses are computed once for all of them and several loads are under way at a time.
 */
final class WideElementwiseTemplate {

    private static final int GROUP = 256;

    private final Elementwise spec;
    private final ExprDag dag;
    private final WideSpace space;
    private final List<Operand> reads;
    private final List<Operand> stores;
    private final int rank;
    private final int width;

    private WideElementwiseTemplate(Elementwise spec, Launch launch) {
        this.spec = spec;
        dag = ExprDag.of(spec.results().stream().map(Result::value).toList());
        space = WideSpace.of(dag, launch);
        reads = IntStream.range(0, spec.operands().size())
                .mapToObj(i -> dag.reads(i)
                        ? operand(space.inputs().get(i))
                        : spec.operands().get(i))
                .toList();
        stores = space.outputs().stream().map(WideElementwiseTemplate::operand).toList();
        rank = space.outputs().getFirst().dims().size();
        width = space.width();
    }

    private static Operand operand(View view) {
        return new Operand(view.dtype(), WideSpace.access(view));
    }

    static void plan(Elementwise spec, Launch launch, CallSink sink) {
        new WideElementwiseTemplate(spec, launch).plan(launch.attributes(), sink);
    }

    private void plan(List<Double> attributes, CallSink sink) {
        var operands = new TornadoOperands(dag, reads, 0);
        var kernel = new TornadoKernel(
                "Elementwise",
                "Elementwise over " + rank + " axes, " + width + " points at a time, " + TornadoOperands.describe(reads)
                        + " -> " + TornadoOperands.describe(stores) + ": " + dag.text(),
                GROUP);
        var out = space.outputs().getFirst();
        var items = out.elements() / width;
        kernel.number("items", items);
        for (var axis = 1; axis < rank; axis++) {
            kernel.number("extent" + axis, axis == rank - 1 ? out.dim(axis) / width : out.dim(axis));
        }
        operands.bind(kernel, space.inputs(), attributes);
        for (var i = 0; i < stores.size(); i++) {
            TornadoOperands.bind(
                    kernel, "y" + i, stores.get(i).access(), space.outputs().get(i));
        }
        kernel.launch(sink, Math.ceilDiv(items, GROUP), helpers -> render(operands, helpers));
    }

    /** One of a work item's points. */
    private record Lane(int rank, int number) implements TornadoOperands.Point {

        @Override
        public CodeBlock along(int axis) {
            return axis < rank - 1 || number == 0
                    ? CodeBlock.of("at$L", axis)
                    : CodeBlock.of("(at$L + $L)", axis, number);
        }

        @Override
        public CodeBlock element() {
            return number == 0 ? CodeBlock.of("element") : CodeBlock.of("(element + $L)", number);
        }
    }

    private CodeBlock render(TornadoOperands operands, TornadoKernel.Helpers helpers) {
        var first = new Lane(rank, 0);
        var code = CodeBlock.builder()
                .addStatement("final int item = group * $L + local", GROUP)
                .beginControlFlow("if (item < items)")
                .add(coordinates());
        for (var i = 0; i < reads.size(); i++) {
            if (dag.reads(i) && isWide(reads.get(i))) {
                var index = TornadoOperands.index("x" + i, reads.get(i).access(), rank, first);
                code.add(wideLoad(reads.get(i).dtype(), width, index, "x" + i + "v"));
            }
        }
        // All values before the first store: a result may lie where an operand does.
        var values = IntStream.range(0, width)
                .mapToObj(lane -> values(operands, helpers, new Lane(rank, lane), code))
                .toList();
        for (var i = 0; i < stores.size(); i++) {
            var result = i;
            code.add(store(result, values.stream().map(v -> v.get(result)).toList()));
        }
        return code.endControlFlow().build();
    }

    /** Adds what computes the results at a point; returns what holds them. */
    private List<CodeBlock> values(
            TornadoOperands operands, TornadoKernel.Helpers helpers, Lane lane, CodeBlock.Builder code) {
        var expressions = new TornadoExpr(
                helpers,
                width == 1 ? "t" : "t" + lane.number() + "_",
                leaves(operands.leaves(helpers, rank, lane), lane),
                isFast() ? TornadoExpr.Precision.OF_BF16 : TornadoExpr.Precision.OF_F32);
        var values = spec.results().stream()
                .map(result -> expressions.renderAs(result.dtype(), stored(result)))
                .toList();
        code.add(expressions.statements());
        return values;
    }

    private TornadoExpr.Leaves leaves(TornadoExpr.Leaves alone, Lane lane) {
        return new TornadoExpr.Leaves() {
            @Override
            public CodeBlock operand(Expr.Arg arg) {
                return isWide(reads.get(arg.index()))
                        ? CodeBlock.of("x$Lv[$L]", arg.index(), lane.number())
                        : alone.operand(arg);
            }

            @Override
            public CodeBlock attribute(Expr.Attribute attribute) {
                return alone.attribute(attribute);
            }

            @Override
            public CodeBlock uniform(Expr.Uniform uniform) {
                return alone.uniform(uniform);
            }

            @Override
            public CodeBlock index(Expr.Index index) {
                return alone.index(index);
            }
        };
    }

    /** Arithmetic of 20 bits does where all results are rounded to 8. */
    private boolean isFast() {
        return spec.results().stream().allMatch(result -> result.dtype() == DType.BF16);
    }

    /** A result's value without the rounding that storing it is. */
    private static Expr stored(Result result) {
        return switch (result.value()) {
            case Expr.Convert(var dtype, var x)
            when dtype == DType.BF16
                    && result.dtype() == DType.BF16
                    && x.dtype().isFloat() -> x;
            case Expr value -> value;
        };
    }

    private boolean isWide(Operand operand) {
        return width > 1 && WideSpace.isWide(operand);
    }

    private CodeBlock store(int result, List<CodeBlock> values) {
        var dtype = stores.get(result).dtype();
        var index = TornadoOperands.index("y" + result, stores.get(result).access(), rank, new Lane(rank, 0));
        return width == 1
                ? CodeBlock.builder()
                        .addStatement(TornadoKernel.store(dtype, index, values.getFirst()))
                        .build()
                : wideStore(dtype, index, "y" + result + "v", values);
    }

    /** Loads neighbours, the first at {@code index}, to a new array. */
    static CodeBlock wideLoad(DType dtype, int width, CodeBlock index, String array) {
        return CodeBlock.builder()
                .addStatement("final float[] $L = new float[$L]", array, width)
                .addStatement(
                        "$L.load$L(f, $L, $L)",
                        CudaFunctions.WIDE,
                        dtype == DType.BF16 ? "Bfloats" : "Floats",
                        index,
                        array)
                .build();
    }

    /** Stores neighbours, the first at {@code index}, by way of a new array. */
    static CodeBlock wideStore(DType dtype, CodeBlock index, String array, List<CodeBlock> values) {
        var code = CodeBlock.builder().addStatement("final float[] $L = new float[$L]", array, values.size());
        for (var i = 0; i < values.size(); i++) {
            code.addStatement("$L[$L] = $L", array, i, values.get(i));
        }
        return code.addStatement(
                        "$L.store$L(f, $L, $L)",
                        CudaFunctions.WIDE,
                        dtype == DType.BF16 ? "Bfloats" : "Floats",
                        index,
                        array)
                .build();
    }

    /** {@code at0} and so on, and {@code element}, of the first of a work item's points. */
    private CodeBlock coordinates() {
        var code = CodeBlock.builder();
        var rest = "item";
        for (var axis = rank - 1; axis >= 0; axis--) {
            var at = axis == 0 ? CodeBlock.of("$L", rest) : CodeBlock.of("$L % extent$L", rest, axis);
            code.addStatement("final int at$L = $L", axis, times(axis == rank - 1, at));
            if (axis > 0) {
                code.addStatement("final int rest$L = $L / extent$L", axis, rest, axis);
                rest = "rest" + axis;
            }
        }
        if (!dag.leaves(Expr.Uniform.class).isEmpty()) {
            code.addStatement("final int element = $L", times(true, CodeBlock.of("item")));
        }
        return code.build();
    }

    private CodeBlock times(boolean isLast, CodeBlock items) {
        return isLast && width > 1 ? CodeBlock.of("$L * $L", items, width) : items;
    }
}
