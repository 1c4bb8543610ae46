package org.clipc.compiler.pass;

import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/** Puts in place of ops what they are of: ops of one operand, which have told other passes all that they had to. */
public record Erase(String name, Predicate<Op> erased) implements Pass {

    /** They mean nothing once gradients exist. */
    public static final Erase STOP_GRADIENTS = new Erase("erase-stop-gradients", Op.StopGradient.class::isInstance);

    /** They ask all ranks to hold a whole, which means nothing once these have divided the work. */
    public static final Erase REPLICATES = new Erase("erase-replicates", Op.Replicate.class::isInstance);

    @Override
    public Graph apply(Graph graph) {
        return Rewriter.rewrite(graph, List.of(this::erase));
    }

    private Optional<Value> erase(Op op, List<Value> operands, Rewriter r) {
        return erased.test(op) ? Optional.of(operands.getFirst()) : Optional.empty();
    }
}
