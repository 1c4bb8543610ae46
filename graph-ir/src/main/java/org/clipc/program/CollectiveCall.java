package org.clipc.program;

import java.util.List;
import java.util.Locale;
import org.clipc.ir.DType;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.ReduceFn;

/**
 * Ranks along an axis of the mesh exchange tensors.
 *
 * @param reduction of an all-reduce and a reduce-scatter
 * @param dtype of all tensors
 * @param shift how many places further each rank sends, in a permutation; 0 otherwise
 * @param tensors at least one; all are exchanged
 * @param node index of the graph node that the call computes
 */
public record CollectiveCall(
        Kind kind, MeshAxis axis, ReduceFn reduction, DType dtype, int shift, List<Exchanged> tensors, int node)
        implements Call {

    /** What the ranks do. */
    public enum Kind {
        /** All get the combination of what each has. */
        ALL_REDUCE,
        /** All get what each has, one behind the other. */
        ALL_GATHER,
        /** Each gets its share of the combination of what each has. */
        REDUCE_SCATTER,
        /** Each gets what another has. */
        PERMUTE
    }

    /**
     * A dense tensor. Its arena is that of ints if the call is of ints and the schedule has one, where bools are ints too.
     *
     * @param from byte offset in its arena of what the rank gives
     * @param to byte offset in its arena of what it gets
     * @param elements that it gives
     */
    public record Exchanged(long from, long to, long elements) {}

    public CollectiveCall {
        tensors = List.copyOf(tensors);
    }

    @Override
    public String name() {
        return kind.name().toLowerCase(Locale.ROOT) + "." + axis.text();
    }

    @Override
    public long flops() {
        return 0;
    }

    /** Bytes that a rank gives. */
    @Override
    public long bytes() {
        return tensors.stream().mapToLong(Exchanged::elements).sum() * dtype.bytes();
    }

    /** Elements that a rank gets for some that it gives. */
    public long received(Exchanged tensor, int ranks) {
        return switch (kind) {
            case ALL_REDUCE, PERMUTE -> tensor.elements();
            case ALL_GATHER -> tensor.elements() * ranks;
            case REDUCE_SCATTER -> tensor.elements() / ranks;
        };
    }
}
