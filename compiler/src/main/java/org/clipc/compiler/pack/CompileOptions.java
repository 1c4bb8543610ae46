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

    /**
     * Starts from what is simplest: a program that only infers, for batches of one, on one rank, in f32, with every
     * optional check and output left out.
     */
    public static Builder builder(List<Target> targets) {
        return new Builder(targets);
    }

    /** Starts from these, to change some. */
    public Builder toBuilder() {
        return new Builder(this);
    }

    /** Collects options. Not thread-safe. */
    public static final class Builder {

        private final List<Target> targets;
        private Map<String, Object> config = Map.of();
        private int microBatch = 1;
        private int microBatches = 1;
        private int inferenceBatch = 1;
        private boolean training;
        private Optimizer optimizer = Optimizer.CLIP;
        private Parallelism parallelism = Parallelism.NONE;
        private Precision precision = Precision.F32;
        private OptionalLong memoryBudget = OptionalLong.empty();
        private boolean verifyEach;
        private boolean keepSources;
        private Observer observer = (_, _, _) -> {};

        private Builder(List<Target> targets) {
            this.targets = targets;
        }

        private Builder(CompileOptions from) {
            this(from.targets);
            config = from.config;
            microBatch = from.microBatch;
            microBatches = from.microBatches;
            inferenceBatch = from.inferenceBatch;
            training = from.training;
            optimizer = from.optimizer;
            parallelism = from.parallelism;
            precision = from.precision;
            memoryBudget = from.memoryBudget;
            verifyEach = from.verifyEach;
            keepSources = from.keepSources;
            observer = from.observer;
        }

        public Builder config(Map<String, Object> values) {
            config = values;
            return this;
        }

        /** The same number of samples for a step's micro-batch and for inference. */
        public Builder batch(int samples) {
            return microBatch(samples).inferenceBatch(samples);
        }

        public Builder microBatch(int samples) {
            microBatch = samples;
            return this;
        }

        public Builder microBatches(int number) {
            microBatches = number;
            return this;
        }

        public Builder inferenceBatch(int samples) {
            inferenceBatch = samples;
            return this;
        }

        /** Whether the program can train. */
        public Builder training(boolean value) {
            training = value;
            return this;
        }

        /** The program can train, with this optimizer. */
        public Builder training(Optimizer value) {
            return training(true).optimizer(value);
        }

        public Builder optimizer(Optimizer value) {
            optimizer = value;
            return this;
        }

        public Builder parallelism(Parallelism value) {
            parallelism = value;
            return this;
        }

        public Builder precision(Precision value) {
            precision = value;
            return this;
        }

        public Builder memoryBudget(OptionalLong bytes) {
            memoryBudget = bytes;
            return this;
        }

        public Builder verifyEach(boolean value) {
            verifyEach = value;
            return this;
        }

        public Builder keepSources(boolean value) {
            keepSources = value;
            return this;
        }

        public Builder observer(Observer value) {
            observer = value;
            return this;
        }

        public CompileOptions build() {
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
                    observer);
        }
    }
}
