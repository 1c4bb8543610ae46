package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.ArrayList;
import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Elementwise;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;

/** {@link Elementwise}: a work item for every point. For CUDA {@link WideElementwiseTemplate} takes its place. */
final class ElementwiseTemplate {

    private static final int GROUP = 256;

    private ElementwiseTemplate() {}

    static void plan(Elementwise spec, Launch launch, CallSink sink) {
        if (TornadoTarget.dialect(sink.target()) == CDialect.CUDA) {
            WideElementwiseTemplate.plan(spec, launch, sink);
            return;
        }
        var dag = ExprDag.of(spec.results().stream().map(Result::value).toList());
        var operands = new TornadoOperands(dag, spec.operands(), 0);
        var stores = new ArrayList<Operand>();
        for (var i = 0; i < spec.results().size(); i++) {
            stores.add(new Operand(spec.results().get(i).dtype(), spec.stores().get(i)));
        }
        var kernel = new TornadoKernel(
                "Elementwise",
                "Elementwise over " + spec.rank() + " axes, " + TornadoOperands.describe(spec.operands()) + " -> "
                        + TornadoOperands.describe(stores) + ": " + dag.text(),
                GROUP);
        var out = launch.outputs().getFirst();
        kernel.number("count", out.elements());
        for (var axis = 1; axis < spec.rank(); axis++) {
            kernel.number("extent" + axis, out.dim(axis));
        }
        operands.bind(kernel, launch.inputs(), launch.attributes());
        for (var i = 0; i < stores.size(); i++) {
            TornadoOperands.bind(
                    kernel, "y" + i, stores.get(i).access(), launch.outputs().get(i));
        }
        kernel.launch(sink, Math.ceilDiv(out.elements(), GROUP), helpers -> render(spec, operands, stores, helpers));
    }

    private static CodeBlock render(
            Elementwise spec, TornadoOperands operands, List<Operand> stores, TornadoKernel.Helpers helpers) {
        var rank = spec.rank();
        var point = new TornadoOperands.Point() {
            @Override
            public CodeBlock along(int axis) {
                return CodeBlock.of("at$L", axis);
            }

            @Override
            public CodeBlock element() {
                return CodeBlock.of("element");
            }
        };
        var code = CodeBlock.builder()
                .addStatement("final int element = group * $L + local", GROUP)
                .beginControlFlow("if (element < count)")
                .add(coordinates(rank));
        var expressions = new TornadoExpr(helpers, "t", operands.leaves(helpers, rank, point));
        // All values before the first store: a result may lie where an operand does.
        var values = spec.results().stream()
                .map(result -> expressions.renderAs(result.dtype(), result.value()))
                .toList();
        code.add(expressions.statements());
        for (var i = 0; i < values.size(); i++) {
            var index = TornadoOperands.index("y" + i, stores.get(i).access(), rank, point);
            code.addStatement(TornadoKernel.store(stores.get(i).dtype(), index, values.get(i)));
        }
        return code.endControlFlow().build();
    }

    /** {@code at0} and so on from {@code element}. */
    private static CodeBlock coordinates(int rank) {
        var code = CodeBlock.builder();
        var rest = "element";
        for (var axis = rank - 1; axis >= 1; axis--) {
            code.addStatement("final int at$L = $L % extent$L", axis, rest, axis)
                    .addStatement("final int rest$L = $L / extent$L", axis, rest, axis);
            rest = "rest" + axis;
        }
        return code.addStatement("final int at0 = $L", rest).build();
    }
}
