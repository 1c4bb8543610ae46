package org.clipc.runtime.collective;

import org.clipc.ir.DType;
import org.jspecify.annotations.Nullable;

/**
 * What all members of a group must say alike when they meet.
 *
 * @param reduction for {@link Kind#ALL_REDUCE} and {@link Kind#REDUCE_SCATTER}, else null
 * @param root for {@link Kind#BROADCAST}, else 0
 * @param elements of the whole tensor for all-reduce and broadcast; of one member's part for all-gather and
 *     reduce-scatter; of what is sent for an exchange
 */
public record Operation(Kind kind, DType dtype, @Nullable Reduction reduction, int root, long elements) {

    /** The collectives. */
    public enum Kind {
        ALL_REDUCE("all-reduce"),
        ALL_GATHER("all-gather"),
        REDUCE_SCATTER("reduce-scatter"),
        BROADCAST("broadcast"),
        EXCHANGE("exchange"),
        BARRIER("barrier");

        private final String text;

        Kind(String text) {
            this.text = text;
        }

        /** Its name in messages, such as {@code all-reduce}. */
        public String text() {
            return text;
        }
    }

    /** Where members only meet. */
    public static final Operation MEET = new Operation(Kind.BARRIER, DType.I32, null, 0, 0);

    /** Such as {@code all-reduce (sum) of 4096 f32}. */
    public String text() {
        return switch (kind) {
            case ALL_REDUCE, REDUCE_SCATTER ->
                kind.text() + " (" + (reduction == null ? "?" : reduction.text()) + ") of " + tensor();
            case ALL_GATHER, EXCHANGE -> kind.text() + " of " + tensor();
            case BROADCAST -> kind.text() + " of " + tensor() + " from " + root;
            case BARRIER -> kind.text();
        };
    }

    private String tensor() {
        return elements + " " + dtype.text();
    }

    public long bytes() {
        return elements * dtype.bytes();
    }

    /** Whether members that say these go together: sizes of exchanges need to agree only between two. */
    public boolean agreesWith(Operation other) {
        return kind == Kind.EXCHANGE ? kind == other.kind && dtype == other.dtype : equals(other);
    }
}
