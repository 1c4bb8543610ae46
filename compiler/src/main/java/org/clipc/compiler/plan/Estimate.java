package org.clipc.compiler.plan;

import org.clipc.compiler.explain.Communication;
import org.clipc.compiler.explain.RecomputeText;
import org.clipc.compiler.explain.StepGraphs;
import org.clipc.compiler.recompute.RecomputeReport;
import org.clipc.ir.Graph;
import org.clipc.ir.MatrixFlops;
import org.clipc.ir.Op;
import org.clipc.program.AwaitCall;
import org.clipc.program.Program;

/**
 * What a candidate takes, of each rank. Memory, arithmetic and exchanges are those of the program that the compiler makes;
 * the time is an estimate.
 *
 * @param memory bytes of everything
 * @param parameters bytes
 * @param optimizer bytes of its state
 * @param sums bytes of gradients summed over micro-batches, where there are several
 * @param workspace bytes that activations, gradients and batches share over time
 * @param gradients bytes that the optimizer reads, of the workspace or of the sums
 * @param activations bytes of the workspace that the forward pass keeps for the backward pass
 * @param flops of a step, as {@link MatrixFlops} counts
 * @param communication of a step
 */
public record Estimate(
        Candidate candidate,
        long memory,
        long parameters,
        long optimizer,
        long sums,
        long workspace,
        long gradients,
        long activations,
        long flops,
        Communication communication,
        StepTime time) {

    static Estimate of(Candidate candidate, Outcome.Step step, Cluster cluster) {
        var program = step.program().program();
        var manifest = program.manifest();
        return new Estimate(
                candidate,
                manifest.arenaBytes(),
                manifest.parameterBytes(),
                manifest.stateBytes() - manifest.carriedBytes(),
                manifest.carriedBytes(),
                manifest.workspaceBytes(),
                gradients(step.graphs()),
                RecomputeText.ofStep(step.program().report())
                        .map(RecomputeReport::keptBytes)
                        .orElse(0L),
                step.graphs().flops(),
                step.graphs().communication(),
                StepTime.of(step.graphs(), candidate.mesh(), cluster, overlaps(program)));
    }

    /** Whether kernels go on while data-parallel ranks exchange. */
    private static boolean overlaps(Program program) {
        return program.schedules().stream()
                .flatMap(schedule -> schedule.calls().stream())
                .anyMatch(AwaitCall.class::isInstance);
    }

    /** What the optimizer reads: its share where ranks share its work. */
    private static long gradients(StepGraphs graphs) {
        return graphs.runs().stream().mapToLong(run -> gradients(run.graph())).sum();
    }

    private static long gradients(Graph graph) {
        return graph.nodes().stream()
                .filter(node -> node.op() instanceof Op.AdamW)
                .mapToLong(node -> graph.type(node.operand(1)).bytes())
                .sum();
    }

    /** Samples of all ranks per second. */
    public double samplesPerSecond() {
        return candidate.samples() / time.seconds();
    }
}
