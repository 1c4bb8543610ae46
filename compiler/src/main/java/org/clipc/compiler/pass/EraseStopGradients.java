package org.clipc.compiler.pass;

import java.util.List;
import java.util.Optional;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/** Removes stop-gradients, which mean nothing once gradients exist. */
public final class EraseStopGradients implements Pass {

    @Override
    public String name() {
        return "erase-stop-gradients";
    }

    @Override
    public Graph apply(Graph graph) {
        return Rewriter.rewrite(graph, List.of(EraseStopGradients::erase));
    }

    private static Optional<Value> erase(Op op, List<Value> operands, Rewriter r) {
        return op instanceof Op.StopGradient ? Optional.of(operands.getFirst()) : Optional.empty();
    }
}
