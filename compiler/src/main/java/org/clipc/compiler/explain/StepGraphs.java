package org.clipc.compiler.explain;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.ir.Graph;
import org.clipc.ir.MatrixFlops;
import org.clipc.program.TrainingStep;

/**
 * What a rank runs in a training step.
 *
 * @param runs of entry points, in order
 */
public record StepGraphs(List<Run> runs) {

    /**
     * An entry point.
     *
     * @param graph the final one
     * @param times that a step runs it, one after the other
     */
    public record Run(Graph graph, int times) {}

    public StepGraphs {
        runs = List.copyOf(runs);
    }

    /** @param graphs the final ones, by entry point */
    public static StepGraphs of(TrainingStep step, Map<String, Graph> graphs) {
        return new StepGraphs(step.entries().stream()
                .map(entry -> new Run(Objects.requireNonNull(graphs.get(entry), entry), step.times(entry)))
                .toList());
    }

    /** Arithmetic, as {@link MatrixFlops} counts. */
    public long flops() {
        return runs.stream()
                .mapToLong(run -> run.times() * MatrixFlops.of(run.graph()))
                .sum();
    }

    /** What ranks exchange. */
    public Communication communication() {
        return new Communication(runs.stream()
                .flatMap(run -> Communication.of(run.graph(), run.times()).stream())
                .toList());
    }
}
