package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import org.clipc.compiler.accumulate.Accumulation;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.compiler.fuse.Fuse;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Lowering;
import org.clipc.compiler.lower.Overlap;
import org.clipc.compiler.memory.InPlace;
import org.clipc.compiler.memory.Lifetimes;
import org.clipc.compiler.memory.PlanMemory;
import org.clipc.compiler.pass.Erase;
import org.clipc.compiler.pass.NarrowRows;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.Simplify;
import org.clipc.compiler.precision.MixedPrecision;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.recompute.RecomputeReport;
import org.clipc.compiler.recompute.Rematerialize;
import org.clipc.compiler.schedule.Schedule;
import org.clipc.compiler.shard.BucketCollectives;
import org.clipc.compiler.shard.ExpandCollectives;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.compiler.shard.Partition;
import org.clipc.compiler.shard.Shardings;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Mesh;
import org.clipc.ir.Op;
import org.clipc.program.EntryPoint;
import org.clipc.program.Parameter;

/** The passes that each kind of entry point goes through. */
final class EntryPasses {

    private EntryPasses() {}

    /**
     * What the passes must know of ranks, and of what these hold.
     *
     * @param held the parameters as each of them holds them
     * @param sumsFactors as {@link Target#sumsFactors}, of any target
     */
    record Ranks(Parallelism parallelism, Precision precision, List<Parameter> held, boolean sumsFactors) {

        static Ranks of(ModelSource model, CompileOptions options) {
            var parallelism = options.parallelism();
            var stored = options.precision().stored(model.parameters());
            return new Ranks(
                    parallelism,
                    options.precision(),
                    Shardings.held(stored, parallelism.mesh(), parallelism.distributedOptimizer()),
                    options.targets().stream().anyMatch(Target::sumsFactors));
        }

        Mesh mesh() {
            return parallelism.mesh();
        }

        /** Rounds what is to be bf16, and drops the roundings of what is bf16 already. */
        List<Pass> rounding() {
            return rounding(new MixedPrecision(precision, EntryPoint.LOSS));
        }

        private List<Pass> rounding(MixedPrecision pass) {
            return precision == Precision.F32 ? List.of() : List.of(pass, new Simplify());
        }

        /** That of a graph without a loss, of which what comes first is the forward pass. */
        List<Pass> roundingOfSamples() {
            return rounding(new MixedPrecision(precision, EntryPasses::lastForward));
        }

        private List<Pass> rematerialized(
                ToIntFunction<Graph> lastForward, OptionalLong budget, Consumer<RecomputeReport> told) {
            return List.of(
                    Erase.REPLICATES,
                    new Rematerialize(lastForward, budget, this::workspace, told),
                    new Fuse(),
                    schedule());
        }

        private List<Pass> rematerialized(OptionalLong budget, Consumer<RecomputeReport> told) {
            return rematerialized(graph -> graph.output(EntryPoint.LOSS).value().node(), budget, told);
        }

        /** Ends passes of graphs that compute nothing again. */
        private List<Pass> scheduled() {
            return List.of(Erase.REPLICATES, new Fuse(), schedule());
        }

        private Schedule schedule() {
            return new Schedule(parallelism.overlapped(), sumsFactors);
        }

        /** Size of the workspace that a graph will need, before it is fused. */
        private long workspace(Graph graph) {
            var lowered = lower(schedule().apply(new Fuse().apply(graph)), parallelism.overlapped());
            return PlanMemory.plan(Lifetimes.of(lowered), lowered.steps().size())
                    .bytes();
        }

        Partition tensor() {
            return tensor(mesh().data());
        }

        /** @param dataParts that the batch will be divided among */
        private Partition tensor(int dataParts) {
            return Partition.tensor(mesh().tensor(), Shardings.tensor(held), parallelism.sequenceParallel(), dataParts);
        }

        Partition data() {
            return Partition.data(mesh().data(), Shardings.data(held));
        }

        /** Where features leave with the ranks whose samples they are of. */
        private Partition dataOfSteps() {
            return Partition.data(mesh().data(), Shardings.data(held), Shardings::rows);
        }

        /** Divides what is done for a whole batch among the ranks, if there are several. */
        private List<Pass> divided(Partition data) {
            return mesh().size() == 1
                    ? List.of()
                    : List.of(
                            tensor(),
                            data,
                            new ExpandCollectives(),
                            new BucketCollectives(parallelism.bucketBytes()),
                            new Simplify());
        }
    }

    /** Data-parallel ranks infer each by itself, tensor-parallel ones together. */
    static List<Pass> inference(Ranks ranks) {
        var passes = new ArrayList<>(undivided());
        passes.addAll(ranks.rounding());
        if (ranks.mesh().tensor() > 1) {
            passes.addAll(List.of(ranks.tensor(), new ExpandCollectives(), new Simplify()));
        }
        passes.addAll(List.of(Erase.REPLICATES, new Fuse(), new Schedule(false, ranks.sumsFactors())));
        return passes;
    }

    /** Of the four graphs of a training step of several micro-batches, see {@link Accumulation}: the features. */
    static List<Pass> features(Steps steps) {
        var passes = steps.passes("train-features", Accumulation::sampleFeatures);
        passes.addAll(steps.perMicroBatch());
        passes.addAll(steps.ranks().scheduled());
        return passes;
    }

    static List<Pass> loss(Steps steps, OptionalLong budget, Consumer<RecomputeReport> told) {
        var passes = steps.passes("train-loss", Accumulation::loss);
        passes.addAll(steps.wholeBatch());
        passes.addAll(steps.ranks().rematerialized(budget, told));
        return passes;
    }

    static List<Pass> samplesBackward(Steps steps, OptionalLong budget, Consumer<RecomputeReport> told) {
        var passes = steps.passes("train-backward", Accumulation::backward);
        passes.addAll(steps.perMicroBatch());
        passes.addAll(steps.ranks().rematerialized(EntryPasses::lastForward, budget, told));
        return passes;
    }

    static List<Pass> update(Steps steps, Optimizer optimizer) {
        var passes = steps.passes(
                "train-update", step -> step.update(optimizer, steps.ranks().precision()::hasMaster));
        passes.addAll(steps.wholeBatch());
        passes.addAll(steps.ranks().scheduled());
        return passes;
    }

    /** What stands before the first use of a gradient by the features. */
    private static int lastForward(Graph graph) {
        var seeds = new HashSet<Integer>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            var node = graph.nodes().get(i);
            if (node.op() instanceof Op.Input input && TrainStep.isRows(input.name())) {
                seeds.add(i);
            } else if (node.operands().stream().anyMatch(v -> seeds.contains(v.node()))) {
                return i - 1;
            }
        }
        return graph.nodes().size() - 1;
    }

    /**
     * What the passes must know of a step of several micro-batches.
     *
     * @param batch samples of all ranks
     * @param microBatches of each rank
     */
    record Steps(List<Parameter> parameters, Ranks ranks, int batch, int microBatches) {

        Accumulation of(Graph loss) {
            return Accumulation.of(loss, batch, parameters);
        }

        /** From the loss to one of the graphs. */
        List<Pass> passes(String name, Function<Accumulation, Graph> graph) {
            return new ArrayList<>(undivided(Pass.of(name, loss -> graph.apply(of(loss)))));
        }

        List<Pass> perMicroBatch() {
            var passes = new ArrayList<>(ranks.roundingOfSamples());
            passes.addAll(List.of(
                    ranks.tensor(ranks.mesh().data() * microBatches),
                    ranks.dataOfSteps(),
                    Partition.microBatches(microBatches, Shardings.microBatches(), Shardings::rows),
                    new ExpandCollectives(),
                    new Simplify()));
            return passes;
        }

        List<Pass> wholeBatch() {
            var passes = new ArrayList<>(ranks.rounding());
            passes.addAll(ranks.divided(ranks.dataOfSteps()));
            return passes;
        }
    }

    /** What comes before ranks divide the work, where nothing is differentiated. */
    static List<Pass> undivided() {
        return List.of(Erase.STOP_GRADIENTS, new Simplify(), new NarrowRows(), new Simplify());
    }

    /** What comes before ranks divide the work of a loss that is differentiated. */
    static List<Pass> undivided(Pass differentiate) {
        return List.of(new Simplify(), new NarrowRows(), differentiate, Erase.STOP_GRADIENTS, new Simplify());
    }

    static Pass differentiate(List<Parameter> parameters) {
        var trainable = parameters.stream()
                .filter(Parameter::trainable)
                .map(Parameter::name)
                .toList();
        return Pass.of(
                "gradients",
                g -> Autodiff.gradients(
                        g,
                        EntryPoint.LOSS,
                        input -> input.kind() == InputKind.PARAMETER && trainable.contains(input.name())));
    }

    static Pass trainStep(List<Parameter> parameters, Optimizer optimizer, Ranks ranks) {
        return Pass.of(
                "train-step",
                g -> TrainStep.build(g, EntryPoint.LOSS, parameters, optimizer, ranks.precision()::hasMaster));
    }

    static List<Pass> gradients(
            List<Parameter> parameters, Ranks ranks, OptionalLong budget, Consumer<RecomputeReport> told) {
        return backward(differentiate(parameters), ranks, budget, told);
    }

    static List<Pass> training(
            List<Parameter> parameters,
            Optimizer optimizer,
            Ranks ranks,
            OptionalLong budget,
            Consumer<RecomputeReport> told) {
        return backward(trainStep(parameters, optimizer, ranks), ranks, budget, told);
    }

    private static List<Pass> backward(
            Pass differentiate, Ranks ranks, OptionalLong budget, Consumer<RecomputeReport> told) {
        var passes = new ArrayList<>(undivided(differentiate));
        passes.addAll(ranks.rounding());
        passes.addAll(ranks.divided(ranks.data()));
        passes.addAll(ranks.rematerialized(budget, told));
        return passes;
    }

    /** @param overlapped whether kernels go on while data-parallel ranks exchange */
    static LoweredGraph lower(Graph fused, boolean overlapped) {
        var lowered = InPlace.apply(Lowering.lower(fused));
        return overlapped ? Overlap.apply(lowered) : lowered;
    }
}
