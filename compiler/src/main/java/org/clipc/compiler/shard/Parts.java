package org.clipc.compiler.shard;

import java.util.Optional;
import org.clipc.ir.MeshAxis;

/** Who shares the work of a graph: each does the same with its shard of what is split. */
sealed interface Parts {

    int count();

    /** Ranks along an axis of the mesh: they work at the same time, and can exchange what they have. */
    record Ranks(MeshAxis along, int count) implements Parts {}

    /**
     * Micro-batches of one rank. They are run one after the other by one program, so that none can see what another has;
     * sums over all of them are completed when the last has run.
     */
    record MicroBatches(int count) implements Parts {}

    /** The axis along which they can exchange what they have. */
    default Optional<MeshAxis> axis() {
        return this instanceof Ranks(var along, var _) ? Optional.of(along) : Optional.empty();
    }

    default boolean isOneAfterTheOther() {
        return this instanceof MicroBatches;
    }
}
