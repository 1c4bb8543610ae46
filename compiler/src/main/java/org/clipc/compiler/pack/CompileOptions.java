package org.clipc.compiler.pack;

import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.compiler.train.Optimizer;
import org.clipc.ir.Graph;

/**
 * What to make of a model.
 *
 * @param config everything that configures the program, for its manifest
 * @param microBatch samples in the loss, and in as much of a training step as keeps activations
 * @param microBatches how many of these make the batch of a rank
 * @param inferenceBatch samples in a run of any other entry point
 * @param training whether the program can train: {@code loss_grad} and {@code train_step}
 * @param parallelism the ranks that train together, each on {@code microBatch} samples of its own
 * @param precision in which types it computes and keeps its parameters
 * @param memoryBudget bytes that the training step's workspace may take, if there is a limit
 * @param targets at least one
 * @param verifyEach whether to verify graphs after every pass
 * @param keepSources whether the program carries the kernels' sources
 * @param observer is shown the graph after each pass
 */
public record CompileOptions(
        Map<String, Object> config,
        int microBatch,
        int microBatches,
        int inferenceBatch,
        boolean training,
        Optimizer optimizer,
        Parallelism parallelism,
        Precision precision,
        OptionalLong memoryBudget,
        List<Target> targets,
        boolean verifyEach,
        boolean keepSources,
        Observer observer) {

    /** Is told what the passes do. */
    @FunctionalInterface
    public interface Observer {
        void after(String entry, String pass, Graph graph);
    }

    public CompileOptions {
        targets = List.copyOf(targets);
        if (targets.isEmpty()) {
            throw new IllegalArgumentException("there is no target to compile for");
        }
    }

    /** For a batch of one micro-batch, in f32. */
    public CompileOptions(
            Map<String, Object> config,
            int microBatch,
            int inferenceBatch,
            boolean training,
            Optimizer optimizer,
            Parallelism parallelism,
            OptionalLong memoryBudget,
            List<Target> targets,
            boolean verifyEach,
            boolean keepSources,
            Observer observer) {
        this(
                config,
                microBatch,
                1,
                inferenceBatch,
                training,
                optimizer,
                parallelism,
                Precision.F32,
                memoryBudget,
                targets,
                verifyEach,
                keepSources,
                observer);
    }

    /** For one rank and a batch of one micro-batch, in f32. */
    public CompileOptions(
            Map<String, Object> config,
            int microBatch,
            int inferenceBatch,
            boolean training,
            Optimizer optimizer,
            OptionalLong memoryBudget,
            List<Target> targets,
            boolean verifyEach,
            boolean keepSources,
            Observer observer) {
        this(
                config,
                microBatch,
                inferenceBatch,
                training,
                optimizer,
                Parallelism.NONE,
                memoryBudget,
                targets,
                verifyEach,
                keepSources,
                observer);
    }

    public CompileOptions withPrecision(Precision other) {
        return new CompileOptions(
                config,
                microBatch,
                microBatches,
                inferenceBatch,
                training,
                optimizer,
                parallelism,
                other,
                memoryBudget,
                targets,
                verifyEach,
                keepSources,
                observer);
    }

    public CompileOptions observedBy(Observer other) {
        return new CompileOptions(
                config,
                microBatch,
                microBatches,
                inferenceBatch,
                training,
                optimizer,
                parallelism,
                precision,
                memoryBudget,
                targets,
                verifyEach,
                keepSources,
                other);
    }
}
