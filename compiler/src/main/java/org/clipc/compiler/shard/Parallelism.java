package org.clipc.compiler.shard;

import org.clipc.ir.Mesh;

/**
 * How training is divided among ranks.
 *
 * @param sequenceParallel whether activations between the layers that tensor parallelism splits are split as well
 * @param distributedOptimizer whether data-parallel ranks share the optimizer's state and work
 */
public record Parallelism(Mesh mesh, boolean sequenceParallel, boolean distributedOptimizer) {

    public static final Parallelism NONE = new Parallelism(Mesh.SINGLE, false, false);
}
