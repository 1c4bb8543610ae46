package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.compiler.fuse.Fuse;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Lowering;
import org.clipc.compiler.memory.InPlace;
import org.clipc.compiler.memory.Lifetimes;
import org.clipc.compiler.memory.PlanMemory;
import org.clipc.compiler.pass.EraseStopGradients;
import org.clipc.compiler.pass.NarrowRows;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.Simplify;
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
import org.clipc.program.Parameter;

/** The passes that each kind of entry point goes through. */
final class EntryPasses {

    static final String LOSS = "loss";

    private EntryPasses() {}

    /**
     * What the passes must know of ranks.
     *
     * @param held the parameters as each of them holds them
     */
    record Ranks(Parallelism parallelism, List<Parameter> held) {

        static Ranks of(ModelSource model, Parallelism parallelism) {
            return new Ranks(
                    parallelism,
                    Shardings.held(model.parameters(), parallelism.mesh(), parallelism.distributedOptimizer()));
        }

        Mesh mesh() {
            return parallelism.mesh();
        }

        Partition tensor() {
            return Partition.tensor(
                    mesh().tensor(), Shardings.tensor(held), parallelism.sequenceParallel(), mesh().data());
        }

        Partition data() {
            return Partition.data(mesh().data(), Shardings.data(held));
        }
    }

    /** Data-parallel ranks infer each by itself, tensor-parallel ones together. */
    static List<Pass> inference(Ranks ranks) {
        var passes = new ArrayList<>(undivided());
        if (ranks.mesh().tensor() > 1) {
            passes.addAll(List.of(ranks.tensor(), new ExpandCollectives(), new Simplify()));
        }
        passes.addAll(List.of(new Fuse(), new Schedule()));
        return passes;
    }

    /** What comes before ranks divide the work, where nothing is differentiated. */
    static List<Pass> undivided() {
        return List.of(new EraseStopGradients(), new Simplify(), new NarrowRows(), new Simplify());
    }

    /** What comes before ranks divide the work of a loss that is differentiated. */
    static List<Pass> undivided(Pass differentiate) {
        return List.of(new Simplify(), new NarrowRows(), differentiate, new EraseStopGradients(), new Simplify());
    }

    static Pass differentiate(List<Parameter> parameters) {
        var trainable = parameters.stream()
                .filter(Parameter::trainable)
                .map(Parameter::name)
                .toList();
        return Pass.of(
                "gradients",
                g -> Autodiff.gradients(
                        g, LOSS, input -> input.kind() == InputKind.PARAMETER && trainable.contains(input.name())));
    }

    static Pass trainStep(List<Parameter> parameters, Optimizer optimizer) {
        return Pass.of("train-step", g -> TrainStep.build(g, LOSS, parameters, optimizer));
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
        return backward(trainStep(parameters, optimizer), ranks, budget, told);
    }

    private static List<Pass> backward(
            Pass differentiate, Ranks ranks, OptionalLong budget, Consumer<RecomputeReport> told) {
        var passes = new ArrayList<>(undivided(differentiate));
        if (ranks.mesh().size() > 1) {
            passes.addAll(List.of(
                    ranks.tensor(), ranks.data(), new ExpandCollectives(), new BucketCollectives(), new Simplify()));
        }
        passes.addAll(
                List.of(new Rematerialize(LOSS, budget, EntryPasses::workspace, told), new Fuse(), new Schedule()));
        return passes;
    }

    /** Size of the workspace that a graph will need, before it is fused. */
    private static long workspace(Graph graph) {
        var lowered = lower(new Schedule().apply(new Fuse().apply(graph)));
        return PlanMemory.plan(Lifetimes.of(lowered), lowered.steps().size()).bytes();
    }

    static LoweredGraph lower(Graph fused) {
        return InPlace.apply(Lowering.lower(fused));
    }
}
