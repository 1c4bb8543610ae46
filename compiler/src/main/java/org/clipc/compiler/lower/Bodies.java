package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.List;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/** Single nodes as fusions of one op, so that there is one way to lower both. */
final class Bodies {

    private Bodies() {}

    /**
     * @param operands values of the graph that the body's inputs stand for
     */
    record Wrapped(FusionKind kind, Graph body, List<Value> operands) {}

    static Wrapped wrap(Node node, Graph graph, Values values) {
        var builder = new GraphBuilder("body");
        var operands = new ArrayList<Value>();
        var inner = new ArrayList<Value>();
        for (var operand : node.operands()) {
            var type = graph.type(operand);
            var number = values.splat(operand);
            if (number.isPresent() && kind(node.op()) == FusionKind.ELEMENTWISE) {
                inner.add(builder.constant(type, number.get()));
            } else {
                inner.add(builder.input(String.valueOf(operands.size()), InputKind.OPERAND, type));
                operands.add(operand);
            }
        }
        builder.output("0", builder.addAll(node.op(), inner).getFirst());
        return new Wrapped(kind(node.op()), builder.build(), operands);
    }

    private static FusionKind kind(Op op) {
        return switch (op) {
            case Op.Reduce _ -> FusionKind.REDUCE;
            case Op.DotGeneral _ -> FusionKind.GEMM;
            default -> FusionKind.ELEMENTWISE;
        };
    }
}
