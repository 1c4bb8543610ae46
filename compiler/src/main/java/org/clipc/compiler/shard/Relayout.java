package org.clipc.compiler.shard;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;

/** Where a split goes when data moves. */
final class Relayout {

    private Relayout() {}

    /**
     * The split of a tensor of shape {@code to} that cuts its elements as {@code split} cuts those of a tensor of shape
     * {@code from}. A split takes turns among ranks {@code before the axis · parts} times; that many times in the result,
     * too.
     */
    static Optional<Split> reshape(Split split, Shape from, Shape to, int ranks) {
        var turns = from.elements(0, split.axis()) * split.parts();
        var before = 1L;
        for (var axis = 0; axis < to.rank() && before <= turns; axis++) {
            var extent = to.dim(axis);
            if (turns % before == 0 && extent % (ranks * (turns / before)) == 0) {
                return Optional.of(new Split(axis, Math.toIntExact(turns / before)));
            }
            before *= extent;
        }
        return Optional.empty();
    }

    static Split transpose(Split split, List<Integer> permutation) {
        return new Split(permutation.indexOf(split.axis()), split.parts());
    }

    /** Of a slice that takes whole sections, or leaves the axis alone. */
    static Optional<Split> slice(Split split, TensorType x, Op.Slice slice) {
        var section = x.dim(split.axis()) / split.parts();
        int start = slice.starts().get(split.axis());
        int limit = slice.limits().get(split.axis());
        return start % section == 0 && limit % section == 0
                ? Optional.of(new Split(split.axis(), (limit - start) / section))
                : Optional.empty();
    }

    /** Of an operand between whole sections of padding. */
    static Optional<Split> pad(Split split, TensorType x, Op.Pad pad) {
        var section = x.dim(split.axis()) / split.parts();
        int low = pad.low().get(split.axis());
        int high = pad.high().get(split.axis());
        return low % section == 0 && high % section == 0
                ? Optional.of(new Split(split.axis(), split.parts() + (low + high) / section))
                : Optional.empty();
    }

    /** Axis of the result for each free axis of a contraction's operand; -1 for others. */
    static int freeAxis(int axis, TensorType x, List<Integer> batch, List<Integer> contract, int first) {
        if (batch.contains(axis) || contract.contains(axis)) {
            return -1;
        }
        var at = first;
        for (var a = 0; a < axis; a++) {
            at += batch.contains(a) || contract.contains(a) ? 0 : 1;
        }
        return at;
    }

    /** The list with {@code value} at {@code index}. */
    static List<Integer> with(List<Integer> list, int index, int value) {
        var changed = new ArrayList<>(list);
        changed.set(index, value);
        return changed;
    }

    static Shape local(Shape shape, Split split, int ranks) {
        return shape.with(split.axis(), shape.dim(split.axis()) / ranks);
    }
}
