package org.clipc.compiler.plan;

import java.util.ArrayList;
import java.util.List;
import org.clipc.ir.Mesh;

/**
 * A way to train a model on a cluster. Where tensor-parallel ranks share layers, the activations between these are split as
 * well (sequence parallelism), and data-parallel ranks share the optimizer's state (ZeRO-1): neither sends more bytes than
 * it would take without, and both save memory.
 *
 * @param gpusPerNode of the cluster
 * @param batch of each data-parallel rank
 */
public record Candidate(Mesh mesh, int gpusPerNode, RankBatch batch, Recompute recompute) {

    /** Samples of a step. */
    public long samples() {
        return batch.samples() * mesh.data();
    }

    /** What makes a recipe ask for this. */
    public List<String> overrides() {
        var devices = mesh.size() % gpusPerNode == 0 ? gpusPerNode : mesh.size();
        var overrides = new ArrayList<>(List.of(
                "trainer.devices=" + devices,
                "trainer.num_nodes=" + mesh.size() / devices,
                "model.tensor_model_parallel_size=" + mesh.tensor(),
                "model.sequence_parallel=" + (mesh.tensor() > 1),
                "model.micro_batch_size=" + batch.microBatch(),
                "model.global_batch_size=" + samples()));
        if (mesh.data() > 1) {
            overrides.add("model.optim.name=distributed_fused_adam");
        }
        overrides.addAll(recompute.overrides());
        return overrides;
    }
}
