package org.clipc.compiler.plan;

import org.clipc.compiler.explain.Communication;
import org.clipc.compiler.explain.MatrixFlops;
import org.clipc.ir.Op;
import org.clipc.program.EntryPoint;

/**
 * What a candidate takes, of each rank. Memory, arithmetic and exchanges are those of the program that the compiler makes;
 * the time is an estimate.
 *
 * @param memory bytes of everything
 * @param parameters bytes
 * @param optimizer bytes of its state
 * @param workspace bytes that activations, gradients and batches share over time
 * @param gradients bytes of the workspace when the optimizer starts
 * @param activations bytes of the workspace that the forward pass keeps for the backward pass
 * @param flops of a step, as {@link MatrixFlops} counts
 * @param communication of a step
 */
public record Estimate(
        Candidate candidate,
        long memory,
        long parameters,
        long optimizer,
        long workspace,
        long gradients,
        long activations,
        long flops,
        Communication communication,
        StepTime time) {

    static Estimate of(Candidate candidate, Outcome.Step step, Cluster cluster) {
        var manifest = step.program().program().manifest();
        var report = step.program().report().entries().stream()
                .filter(entry -> entry.entry().equals(EntryPoint.TRAIN_STEP))
                .findFirst()
                .orElseThrow();
        var recompute = report.recompute();
        return new Estimate(
                candidate,
                manifest.arenaBytes(),
                manifest.parameterBytes(),
                manifest.stateBytes(),
                manifest.workspaceBytes(),
                gradients(step),
                recompute == null ? 0 : recompute.keptBytes(),
                MatrixFlops.of(step.graph()),
                new Communication(Communication.of(step.graph(), 1)),
                StepTime.of(step.graph(), candidate.mesh(), cluster));
    }

    /** What the optimizer reads: its share where ranks share its work. */
    private static long gradients(Outcome.Step step) {
        var graph = step.graph();
        return graph.nodes().stream()
                .filter(node -> node.op() instanceof Op.AdamW)
                .mapToLong(node -> graph.type(node.operand(1)).bytes())
                .sum();
    }

    /** Samples of all ranks per second. */
    public double samplesPerSecond() {
        return candidate.batch() / time.seconds();
    }
}
