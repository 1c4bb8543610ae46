package org.clipc.runtime.collective;

import java.util.List;

/**
 * Why a world is over.
 *
 * @param reason a clause that stands alone
 * @param ranks of the world, that it is put down to; empty if none can be told
 */
public record Failure(String reason, List<Integer> ranks) {

    public Failure {
        ranks = List.copyOf(ranks);
    }

    /** Without a collective that it ended. */
    public CollectiveException exception() {
        return new CollectiveException(reason, ranks);
    }
}
