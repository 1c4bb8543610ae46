package org.clipc.compiler.explain;

import static org.clipc.compiler.explain.JsonText.ordered;

import java.util.LinkedHashMap;
import java.util.Map;
import org.clipc.compiler.recompute.RecomputeReport;
import org.clipc.ir.MeshAxis;

/**
 * An explanation for programs to read. Counts are exact; memory is in bytes, times are in milliseconds. What a model does
 * not have, such as the memory to train one without a loss, is left out.
 */
public final class ExplanationJson {

    private ExplanationJson() {}

    public static String of(Explanation e) {
        var root = new LinkedHashMap<String, Object>();
        root.put("model", e.model());
        root.put("config", e.recipe());
        var parameters = e.parameters();
        root.put(
                "parameters",
                ordered(
                        "vision", parameters.vision(),
                        "text", parameters.text(),
                        "total", parameters.total(),
                        "trainable", parameters.trainable()));
        var flops = e.flops();
        var work =
                ordered("forward_per_sample", flops.forwardPerSample(), "image", flops.image(), "text", flops.text());
        if (flops.trainStep() > 0) {
            work.put("train_step", flops.trainStep());
        }
        root.put("flops", work);
        var training = e.training();
        if (training != null) {
            root.put(
                    "memory",
                    ordered(
                            "peak_bytes", training.peak(),
                            "parameters_bytes", training.parameters(),
                            "optimizer_bytes", training.optimizer(),
                            "gradients_bytes", training.gradients(),
                            "workspace_bytes", training.workspace(),
                            "micro_batch_size", training.microBatch(),
                            "micro_batches", training.microBatches(),
                            "ranks", training.ranks()));
        }
        var recompute = e.recompute();
        if (recompute != null) {
            root.put("recompute", recompute(recompute));
        }
        if (!e.communication().collectives().isEmpty()) {
            root.put("communication", communication(e.communication()));
        }
        root.put("kernels", e.kernels());
        root.put("entries", e.entries().stream().map(ExplanationJson::entry).toList());
        root.put("modules", e.modules().stream().map(ExplanationJson::row).toList());
        root.put("timings", rounded(e.timings()));
        return JsonText.write(root);
    }

    private static Map<String, Object> communication(Communication communication) {
        return ordered(
                "sent_bytes", communication.sent(),
                "data_sent_bytes", communication.sent(MeshAxis.DATA),
                "tensor_sent_bytes", communication.sent(MeshAxis.TENSOR),
                "collectives",
                        communication.collectives().stream()
                                .map(c -> ordered(
                                        "op", c.op(),
                                        "axis", c.axis().text(),
                                        "ranks", c.ranks(),
                                        "times", c.times(),
                                        "tensors", c.tensors(),
                                        "sent_bytes", c.sent(),
                                        "path", c.path()))
                                .toList());
    }

    private static Map<String, Object> entry(Explanation.Entry entry) {
        return ordered(
                "name", entry.name(),
                "batch", entry.batch(),
                "nodes", entry.nodes(),
                "calls", entry.calls(),
                "kernels", entry.kernels(),
                "workspace_bytes", entry.workspace());
    }

    /** Times are shares of a step without recomputation. */
    private static Map<String, Object> recompute(RecomputeReport report) {
        var map = ordered(
                "kept_bytes", report.keptBytes(),
                "extra_flops", Math.round(report.recomputedFlops()),
                "flops", Math.round(report.flops()));
        var search = report.search();
        if (search != null) {
            map.put("budget_bytes", search.budget());
            map.put("workspace_without_budget_bytes", search.without());
            map.put("extra_time", search.time() / search.stepTime());
            map.put("least_extra_time", search.leastTime() / search.stepTime());
        }
        map.put(
                "modules",
                report.parts().stream()
                        .map(part -> ordered(
                                "name", part.module(),
                                "count", part.places(),
                                "bytes", part.bytes(),
                                "flops", Math.round(part.flops())))
                        .toList());
        return map;
    }

    private static Map<String, Object> row(ModuleCosts.Row row) {
        return ordered(
                "name", row.name(),
                "depth", row.depth(),
                "count", row.count(),
                "parameters", row.parameters(),
                "flops", row.flops());
    }

    private static Map<String, Double> rounded(Map<String, Double> timings) {
        var result = new LinkedHashMap<String, Double>();
        timings.forEach((pass, ms) -> result.put(pass, Math.round(ms * 1000) / 1000.0));
        return result;
    }
}
