package org.clipc.compiler.shard;

import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;

/**
 * What a sharding rule sees of a node.
 *
 * @param in types of the whole operands
 * @param out types of the whole results
 * @param have how the operands were left by what computes them
 * @param offers by operand: splits that it could as well come in, because its users want one or because a sum over the
 *     ranks has to be completed anyway
 * @param lonely operands that nothing else uses: putting off the completion of such a sum costs nothing
 * @param zeros operands that are zero everywhere
 * @param wanted the split that users want of the first result, if they do
 */
record ShardedNode(
        Op op,
        List<TensorType> in,
        List<TensorType> out,
        List<Sharding> have,
        List<List<Split>> offers,
        IntPredicate lonely,
        IntPredicate zeros,
        Optional<Split> wanted,
        int ranks) {

    boolean isReplicated(int operand) {
        return have.get(operand).equals(Full.REPLICATED);
    }

    /** Whether the operand is a sum to be completed that may be completed later. */
    boolean mayWait(int operand) {
        return have.get(operand).equals(Full.PARTIAL) && lonely.test(operand);
    }

    boolean mayWaitOrIsZero(int operand) {
        return mayWait(operand) || zeros.test(operand);
    }

    /** Every rank does all the work. */
    Strategy replicated() {
        return Strategy.of(
                op, Collections.nCopies(in.size(), Full.REPLICATED), Collections.nCopies(out.size(), Full.REPLICATED));
    }

    /** Splits that operand {@code i} has or could have. */
    SequencedSet<Split> splits(int i) {
        var splits = new LinkedHashSet<Split>();
        if (have.get(i) instanceof Split split) {
            splits.add(split);
        }
        offers.get(i).stream().filter(s -> s.fits(in.get(i), ranks)).forEach(splits::add);
        return splits;
    }

    /** Splits that any of the operands has or could have. */
    SequencedSet<Split> splits() {
        var splits = new LinkedHashSet<Split>();
        IntStream.range(0, in.size()).forEach(i -> splits.addAll(splits(i)));
        return splits;
    }
}
