package org.clipc.compiler.shard;

import java.util.List;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * One way to compute a node on all ranks.
 *
 * @param operands how it needs its operands
 * @param results how it leaves its results
 * @param code makes the rank's nodes
 */
record Strategy(List<Sharding> operands, List<Sharding> results, Code code) {

    /** Emits what a rank does, given what it holds of the operands; answers what it holds of the results. */
    @FunctionalInterface
    interface Code {
        List<Value> emit(LocalBuilder local, List<Value> operands);
    }

    Strategy {
        operands = List.copyOf(operands);
        results = List.copyOf(results);
    }

    /** By one op that does to shards what the node's op does to whole tensors. */
    static Strategy of(Op op, List<Sharding> operands, List<Sharding> results) {
        return new Strategy(operands, results, (local, values) -> local.b().addAll(op, values));
    }

    static Strategy of(Op op, List<Sharding> operands, Sharding result) {
        return of(op, operands, List.of(result));
    }
}
