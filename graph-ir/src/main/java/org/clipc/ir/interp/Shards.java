package org.clipc.ir.interp;

import org.clipc.ir.Op;
import org.clipc.ir.TensorType;

/** How tensors are cut into shards, see {@link Op.RankSlice}. */
final class Shards {

    private Shards() {}

    static Tensor64 slice(Tensor64 whole, Op.RankSlice op, int rank, TensorType type) {
        if (rank < 0 || rank >= op.size()) {
            throw new IllegalArgumentException("there is no rank " + rank + " of " + op.size());
        }
        var shard = Tensor64.zeros(type);
        var piece = piece(whole.type(), op.dim(), op.size() * op.parts());
        for (var section = 0; section < shard.size() / piece; section++) {
            System.arraycopy(whole.data(), (section * op.size() + rank) * piece, shard.data(), section * piece, piece);
        }
        return shard;
    }

    /** Puts a shard to its place in the whole tensor. */
    static void place(Tensor64 shard, Tensor64 whole, int dim, int size, int parts, int rank) {
        var piece = piece(shard.type(), dim, parts);
        for (var section = 0; section < shard.size() / piece; section++) {
            System.arraycopy(shard.data(), section * piece, whole.data(), (section * size + rank) * piece, piece);
        }
    }

    /** Elements that lie together in memory when {@code dim} is cut into {@code count} pieces. */
    private static int piece(TensorType type, int dim, int count) {
        var inner = type.dim(dim) / count;
        for (var axis = dim + 1; axis < type.rank(); axis++) {
            inner *= type.dim(axis);
        }
        return inner;
    }
}
