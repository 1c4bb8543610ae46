package org.clipc.runtime.collective;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Ranks that cannot go on together: one died, stalled, left, or does something else than the others. The message says
 * which, and in which collective.
 */
public final class CollectiveException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    @SuppressWarnings("serial") // lists made by List.of are serializable
    private final List<Integer> ranks;

    /** @param ranks of the world, that the failure is put down to; empty if none can be told */
    public CollectiveException(String message, List<Integer> ranks) {
        this(message, ranks, null);
    }

    /** @param ranks of the world, that the failure is put down to; empty if none can be told */
    public CollectiveException(String message, List<Integer> ranks, @Nullable Throwable cause) {
        super(message, cause);
        this.ranks = List.copyOf(ranks);
    }

    /** The ranks of the world that the failure is put down to, in order; empty if none can be told. */
    public List<Integer> ranks() {
        return ranks;
    }

    /** {@code rank 3} or {@code ranks 1, 2 and 3}. */
    public static String name(List<Integer> ranks) {
        if (ranks.size() == 1) {
            return "rank " + ranks.getFirst();
        }
        var all = ranks.stream().map(String::valueOf).toList();
        return "ranks " + String.join(", ", all.subList(0, all.size() - 1)) + " and " + all.getLast();
    }
}
