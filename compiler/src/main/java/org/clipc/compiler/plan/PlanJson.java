package org.clipc.compiler.plan;

import static org.clipc.compiler.explain.JsonText.ordered;

import java.util.Map;
import org.clipc.compiler.explain.JsonText;
import org.clipc.ir.MeshAxis;

/** A plan for programs to read. Memory is in bytes, times are in milliseconds, and all of it is of one rank. */
public final class PlanJson {

    private static final double MILLIS = 1e3;

    private PlanJson() {}

    public static String of(Plan plan, String model) {
        var cluster = plan.cluster();
        return JsonText.write(ordered(
                "model", model,
                "cluster", cluster.name(),
                "gpus", plan.gpus(),
                "usable_bytes", cluster.usable(),
                "feasible", plan.feasible().stream().map(PlanJson::way).toList(),
                "infeasible",
                        plan.infeasible().entrySet().stream()
                                .map(e -> ordered("reason", e.getKey(), "count", e.getValue()))
                                .toList()));
    }

    private static Map<String, Object> way(Estimate e) {
        var candidate = e.candidate();
        return ordered(
                "tensor_parallel", candidate.mesh().tensor(),
                "data_parallel", candidate.mesh().data(),
                "micro_batch_size", candidate.batch().microBatch(),
                "micro_batches", candidate.batch().microBatches(),
                "global_batch_size", candidate.samples(),
                "recompute", candidate.recompute().text(),
                "overrides", candidate.overrides(),
                "memory",
                        ordered(
                                "peak_bytes", e.memory(),
                                "parameters_bytes", e.parameters(),
                                "optimizer_bytes", e.optimizer(),
                                "gradient_sums_bytes", e.sums(),
                                "workspace_bytes", e.workspace(),
                                "gradients_bytes", e.gradients(),
                                "activations_bytes", e.activations()),
                "flops", e.flops(),
                "communication",
                        ordered(
                                "sent_bytes", e.communication().sent(),
                                "data_sent_bytes", e.communication().sent(MeshAxis.DATA),
                                "tensor_sent_bytes", e.communication().sent(MeshAxis.TENSOR)),
                "time",
                        ordered(
                                "step", MILLIS * e.time().seconds(),
                                "compute", MILLIS * e.time().compute(),
                                "tensor", MILLIS * e.time().tensor(),
                                "data", MILLIS * e.time().data()),
                "samples_per_second", e.samplesPerSecond());
    }
}
