package org.clipc.compiler.explain;

import java.util.List;
import java.util.Map;
import org.clipc.compiler.recompute.RecomputeReport;
import org.clipc.ir.MatrixFlops;
import org.jspecify.annotations.Nullable;

/**
 * What a model takes.
 *
 * @param recipe file that configured it, or that there was none
 * @param training null if the model has no loss to train with
 * @param recompute what a training step computes again; null if there is none
 * @param communication of a training step, between the ranks that it is compiled for
 * @param kernels distinct kernels of all entry points, on one target
 * @param timings milliseconds by compiler pass, summed over the entry points
 * @param modules by module and its parts
 */
public record Explanation(
        String model,
        String recipe,
        Parameters parameters,
        Flops flops,
        @Nullable Training training,
        @Nullable RecomputeReport recompute,
        Communication communication,
        int kernels,
        List<Entry> entries,
        Map<String, Double> timings,
        List<ModuleCosts.Row> modules) {

    public Explanation {
        entries = List.copyOf(entries);
        modules = List.copyOf(modules);
    }

    /**
     * Counts of numbers. A tower's are those that its entry point, {@code encode_image} or {@code encode_text}, reaches
     * and the other does not; what neither reaches, such as the logit scale, is in the total only.
     */
    public record Parameters(long vision, long text, long total, long trainable) {}

    /**
     * As {@link MatrixFlops} counts.
     *
     * @param image one image
     * @param text one caption
     * @param trainStep one step of a rank: forward, backward, and what is computed again, for all its micro-batches
     */
    public record Flops(long image, long text, long trainStep) {

        /** One image with its caption. */
        public long forwardPerSample() {
            return image + text;
        }
    }

    /**
     * Bytes of a device's memory while training.
     *
     * @param microBatches of a step
     * @param ranks that train together, each of which has a device
     * @param peak all of it
     * @param gradients sums over micro-batches
     * @param workspace activations, gradients and batches, which share it over time
     */
    public record Training(
            int microBatch,
            int microBatches,
            int ranks,
            long peak,
            long parameters,
            long optimizer,
            long gradients,
            long workspace) {}

    /**
     * A program's entry point.
     *
     * @param nodes of its final graph
     * @param calls of kernels in one run
     * @param kernels distinct ones among them
     * @param workspace bytes that its tensors share over time
     */
    public record Entry(String name, int batch, int nodes, int calls, int kernels, long workspace) {}
}
