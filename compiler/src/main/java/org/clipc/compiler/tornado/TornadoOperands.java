package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * What expressions over an index space read and where their results go. The kernel names the coordinates of the point a
 * work item is at; here are the arguments that lead from there to elements.
 */
final class TornadoOperands {

    private final ExprDag dag;
    private final List<Operand> operands;
    private final int given;

    /** @param given operands before this one are the template's business */
    TornadoOperands(ExprDag dag, List<Operand> operands, int given) {
        this.dag = dag;
        this.operands = operands;
        this.given = given;
    }

    /** The point a work item is at. */
    interface Point {

        /** The variable that holds the coordinate along an axis of the operands' views. */
        CodeBlock along(int axis);

        /** The variable that holds the coordinate along an axis of the index space as the expressions number them. */
        default CodeBlock coordinate(int axis) {
            return along(axis);
        }

        /** Row-major index of the point in the index space. */
        CodeBlock element();

        /** What stands for an operand that is the template's business. */
        default CodeBlock given(int operand) {
            throw new IllegalArgumentException("operand " + operand + " has no value");
        }
    }

    /** All that code depends on, as text. */
    static String describe(List<Operand> operands) {
        return operands.stream()
                .map(o -> o.dtype().text() + " " + o.access())
                .collect(Collectors.joining(", ", "(", ")"));
    }

    /** Binds what the expressions read. */
    void bind(TornadoKernel kernel, List<View> views, List<Double> attributes) {
        if (dag.nodes().stream().anyMatch(node -> node.dtype() == DType.BF16)) {
            kernel.rounds();
        }
        IntStream.range(given, operands.size())
                .filter(dag::reads)
                .forEach(i -> bind(kernel, "x" + i, operands.get(i).access(), views.get(i)));
        // TornadoVM spells the literal NaN in a way that OpenCL does not know.
        if (dag.leaves(Expr.Const.class).stream().anyMatch(c -> Double.isNaN(c.value()))) {
            kernel.real(TornadoExpr.NAN, Double.NaN);
        }
        for (var uniform : dag.leaves(Expr.Uniform.class)) {
            kernel.at("seed" + uniform.stream(), views.get(uniform.seed()))
                    .number(
                            "stream" + uniform.stream(),
                            attributes.get(uniform.stream()).longValue());
            if (uniform.ofPart()) {
                kernel.number(
                        "row" + uniform.stream(), attributes.get(uniform.row()).longValue());
            }
        }
        for (var attribute : dag.leaves(Expr.Attribute.class)) {
            var value = attributes.get(attribute.index());
            if (attribute.dtype().isFloat()) {
                kernel.real("attribute" + attribute.index(), value);
            } else {
                kernel.number("attribute" + attribute.index(), value.longValue());
            }
        }
    }

    /** Binds the place of a tensor, and the strides that its access does not say. */
    static void bind(TornadoKernel kernel, String name, Access access, View view) {
        kernel.at(name, view);
        var inner = view.dims().size() - 1;
        for (var axis = 0; axis < view.dims().size(); axis++) {
            if (axis < inner || access == Access.STRIDED) {
                kernel.number(name + "s" + axis, view.stride(axis));
            }
        }
    }

    /** The index of a tensor's element at a point. */
    static CodeBlock index(String name, Access access, int rank, Point point) {
        var terms = new ArrayList<CodeBlock>();
        terms.add(CodeBlock.of("$L", name));
        for (var axis = 0; axis < rank - 1; axis++) {
            terms.add(CodeBlock.of("$L * $Ls$L", point.along(axis), name, axis));
        }
        switch (access) {
            case CONTIGUOUS -> terms.add(point.along(rank - 1));
            case STRIDED -> terms.add(CodeBlock.of("$L * $Ls$L", point.along(rank - 1), name, rank - 1));
            case SPLAT -> {}
        }
        return TornadoKernel.sum(terms);
    }

    TornadoExpr.Leaves leaves(TornadoKernel.Helpers helpers, int rank, Point point) {
        return new TornadoExpr.Leaves() {
            @Override
            public CodeBlock operand(Expr.Arg arg) {
                if (arg.index() < given) {
                    return point.given(arg.index());
                }
                var access = operands.get(arg.index()).access();
                return TornadoKernel.load(arg.dtype(), TornadoOperands.index("x" + arg.index(), access, rank, point));
            }

            @Override
            public CodeBlock attribute(Expr.Attribute attribute) {
                return attribute.dtype() == DType.BOOL
                        ? CodeBlock.of("(attribute$L != 0)", attribute.index())
                        : CodeBlock.of("attribute$L", attribute.index());
            }

            @Override
            public CodeBlock uniform(Expr.Uniform uniform) {
                var seed = "seed" + uniform.stream();
                // The number of an element of a part may exceed 32 bits.
                var number =
                        CodeBlock.of("(n.get($L + 2) * (long) row$L + $L)", seed, uniform.stream(), point.element());
                return TornadoMathCode.UNIFORM.call(
                        helpers,
                        uniform.ofPart() ? CodeBlock.of("(int) $L", number) : point.element(),
                        uniform.ofPart() ? CodeBlock.of("(int) ($L >>> 32)", number) : CodeBlock.of("0"),
                        CodeBlock.of("n.get($L)", seed),
                        CodeBlock.of("n.get($L + 1)", seed),
                        CodeBlock.of("stream$L", uniform.stream()));
            }

            @Override
            public CodeBlock index(Expr.Index index) {
                return point.coordinate(index.axis());
            }
        };
    }
}
