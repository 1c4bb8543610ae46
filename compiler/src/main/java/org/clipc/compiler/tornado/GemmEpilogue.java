package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.ArrayList;
import java.util.List;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;

/** What becomes of the sums of a {@link Gemm}, however they were computed. */
final class GemmEpilogue {

    private final Gemm spec;
    private final ExprDag dag;
    private final TornadoOperands operands;
    private final List<Operand> stores;

    GemmEpilogue(Gemm spec) {
        this.spec = spec;
        dag = ExprDag.of(spec.results().stream().map(Result::value).toList());
        var all = new ArrayList<Operand>();
        all.add(new Operand(DType.F32, Access.CONTIGUOUS));
        all.addAll(spec.operands());
        operands = new TornadoOperands(dag, all, 1);
        stores = spec.results().stream()
                .map(r -> new Operand(r.dtype(), Access.CONTIGUOUS))
                .toList();
    }

    /** The types and layouts of A and B, as text. */
    static String describeFactors(Gemm spec) {
        return spec.lhs().text() + (spec.lhsRowMajor() ? " rows" : " columns") + " by "
                + spec.rhs().text() + (spec.rhsRowMajor() ? " rows" : " columns");
    }

    /** All that its code depends on, as text. */
    String describe() {
        return "x0 the sum of products, " + TornadoOperands.describe(spec.operands()) + " -> "
                + TornadoOperands.describe(stores) + ": " + dag.text();
    }

    void bind(TornadoKernel kernel, Launch launch) {
        // The view of B stands for the sum, which has none.
        operands.bind(kernel, launch.inputs().subList(1, launch.inputs().size()), launch.attributes());
        for (var i = 0; i < stores.size(); i++) {
            TornadoOperands.bind(
                    kernel, "y" + i, Access.CONTIGUOUS, launch.outputs().get(i));
        }
    }

    /**
     * Computes and stores the results at ({@code at0}, {@code at1}, {@code row}, {@code column}).
     *
     * @param sum the sum there
     */
    CodeBlock render(TornadoKernel.Helpers helpers, CodeBlock sum) {
        var point = new TornadoOperands.Point() {
            @Override
            public CodeBlock along(int axis) {
                return CodeBlock.of(axis < 2 ? "at" + axis : axis == 2 ? "row" : "column");
            }

            @Override
            public CodeBlock element() {
                return CodeBlock.of("((at0 * batches + at1) * rows + row) * columns + column");
            }

            @Override
            public CodeBlock given(int operand) {
                return sum;
            }
        };
        var code = CodeBlock.builder();
        var expressions = new TornadoExpr(helpers, "t", operands.leaves(helpers, 4, point));
        var values = spec.results().stream()
                .map(result -> expressions.renderAs(result.dtype(), result.value()))
                .toList();
        code.add(expressions.statements());
        for (var r = 0; r < values.size(); r++) {
            var index = TornadoOperands.index("y" + r, Access.CONTIGUOUS, 4, point);
            code.addStatement(TornadoKernel.store(stores.get(r).dtype(), index, values.get(r)));
        }
        return code.build();
    }
}
