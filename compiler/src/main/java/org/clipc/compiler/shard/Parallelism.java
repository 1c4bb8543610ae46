package org.clipc.compiler.shard;

import org.clipc.ir.Mesh;

/**
 * How training is divided among ranks.
 *
 * @param sequenceParallel whether activations between the layers that tensor parallelism splits are split as well
 * @param distributedOptimizer whether data-parallel ranks share the optimizer's state and work
 * @param bucketBytes how many bytes of gradients data-parallel ranks reduce together, about
 * @param overlapped whether kernels go on while data-parallel ranks exchange
 */
public record Parallelism(
        Mesh mesh, boolean sequenceParallel, boolean distributedOptimizer, long bucketBytes, boolean overlapped) {

    /** {@code bucket_cap_mb} of PyTorch's DistributedDataParallel; Megatron's is 40 million elements, apex's 100 MiB. */
    public static final long BUCKET_BYTES = 25L << 20;

    public static final Parallelism NONE = new Parallelism(Mesh.SINGLE, false, false);

    /** With buckets of the usual size, reduced while the backward pass goes on. */
    public Parallelism(Mesh mesh, boolean sequenceParallel, boolean distributedOptimizer) {
        this(mesh, sequenceParallel, distributedOptimizer, BUCKET_BYTES, true);
    }
}
