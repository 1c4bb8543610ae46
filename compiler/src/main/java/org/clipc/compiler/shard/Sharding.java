package org.clipc.compiler.shard;

import org.clipc.ir.TensorType;

/** What each of {@code ranks} ranks along one mesh axis holds of a tensor. */
public sealed interface Sharding {

    /** A tensor of the whole shape. */
    enum Full implements Sharding {
        /** The tensor itself. */
        REPLICATED("replicated"),
        /** A summand of it: the sum over the ranks is what is meant. */
        PARTIAL("partial(sum)");

        private final String text;

        Full(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** A shard, cut as {@link org.clipc.ir.Op.RankSlice} cuts it. */
    record Split(int axis, int parts) implements Sharding {

        public Split(int axis) {
            this(axis, 1);
        }

        /** Whether a tensor can be cut so. */
        boolean fits(TensorType type, int ranks) {
            return axis < type.rank() && type.dim(axis) % (ranks * parts) == 0;
        }

        @Override
        public String toString() {
            return parts == 1 ? "split(" + axis + ")" : "split(" + axis + ", parts=" + parts + ")";
        }
    }

    /** The type of what a rank holds. */
    default TensorType local(TensorType type, int ranks) {
        return this instanceof Split(var axis, var _)
                ? type.withShape(type.shape().with(axis, type.dim(axis) / ranks))
                : type;
    }
}
