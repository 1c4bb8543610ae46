package org.clipc.compiler.pack;

import java.util.List;
import java.util.Map;
import org.clipc.compiler.memory.MemoryPlan;
import org.clipc.compiler.pass.PassPipeline;
import org.clipc.compiler.recompute.RecomputeReport;
import org.jspecify.annotations.Nullable;

/**
 * What compiling a program came to.
 *
 * @param kernels number of generated kernels by target
 * @param renderNanos time to render the kernels' sources
 * @param javacNanos time to compile them
 * @param nanos time of everything
 */
public record CompileReport(
        List<EntryReport> entries, Map<String, Integer> kernels, long renderNanos, long javacNanos, long nanos) {

    public CompileReport {
        entries = List.copyOf(entries);
        kernels = Map.copyOf(kernels);
    }

    /**
     * @param passes in order, with their times
     * @param flops floating-point operations of a run
     * @param recompute what its backward pass computes again; null if it has none
     * @param launches number of kernel launches of a run
     * @param plan of the workspace
     */
    public record EntryReport(
            String entry,
            List<PassPipeline.Timing> passes,
            double flops,
            @Nullable RecomputeReport recompute,
            int launches,
            MemoryPlan plan) {

        public EntryReport {
            passes = List.copyOf(passes);
        }
    }
}
