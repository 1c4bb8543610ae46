package org.clipc.compiler.pass;

import java.util.List;
import java.util.Optional;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/** Removes what asks all ranks to hold a whole, which means nothing once they have divided the work. */
public final class EraseReplicates implements Pass {

    @Override
    public String name() {
        return "erase-replicates";
    }

    @Override
    public Graph apply(Graph graph) {
        return Rewriter.rewrite(graph, List.of(EraseReplicates::erase));
    }

    private static Optional<Value> erase(Op op, List<Value> operands, Rewriter r) {
        return op instanceof Op.Replicate ? Optional.of(operands.getFirst()) : Optional.empty();
    }
}
