package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Function;
import org.clipc.compiler.accumulate.Accumulation;
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
import org.clipc.ir.Op;
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

        Mesh mesh() {
            return parallelism.mesh();
        }

        Pass tensor() {
            return Partition.tensor(
                    mesh().tensor(), Shardings.tensor(held), parallelism.sequenceParallel(), mesh().data());
        }

        Pass data() {
            return Partition.data(mesh().data(), Shardings.data(held));
        }
    }

    /** Data-parallel ranks infer each by itself, tensor-parallel ones together. */
    static List<Pass> inference(Ranks ranks) {
        var passes = new ArrayList<Pass>(
                List.of(new EraseStopGradients(), new Simplify(), new NarrowRows(), new Simplify()));
        if (ranks.mesh().tensor() > 1) {
            passes.addAll(List.of(ranks.tensor(), new ExpandCollectives(), new Simplify()));
        }
        passes.addAll(List.of(new Fuse(), new Schedule()));
        return passes;
    }

    /** Of the four graphs of a training step of several micro-batches, see {@link Accumulation}: the features. */
    static List<Pass> features(Steps steps) {
        var passes = steps.passes("train-features", Accumulation::sampleFeatures);
        passes.addAll(steps.perMicroBatch());
        passes.addAll(List.of(new Fuse(), new Schedule()));
        return passes;
    }

    static List<Pass> loss(Steps steps, OptionalLong budget, Consumer<RecomputeReport> told) {
        var passes = steps.passes("train-loss", Accumulation::loss);
        passes.addAll(steps.wholeBatch());
        passes.addAll(
                List.of(new Rematerialize(LOSS, budget, EntryPasses::workspace, told), new Fuse(), new Schedule()));
        return passes;
    }

    static List<Pass> samplesBackward(Steps steps, OptionalLong budget, Consumer<RecomputeReport> told) {
        var passes = steps.passes("train-backward", Accumulation::backward);
        passes.addAll(steps.perMicroBatch());
        var rematerialize = new Rematerialize(EntryPasses::lastForward, budget, EntryPasses::workspace, told);
        passes.addAll(List.of(rematerialize, new Fuse(), new Schedule()));
        return passes;
    }

    static List<Pass> update(Steps steps, Optimizer optimizer) {
        var passes = steps.passes("train-update", step -> step.update(optimizer));
        passes.addAll(steps.wholeBatch());
        passes.addAll(List.of(new Fuse(), new Schedule()));
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
            var derive = Pass.of(name, loss -> graph.apply(of(loss)));
            return new ArrayList<>(
                    List.of(new Simplify(), new NarrowRows(), derive, new EraseStopGradients(), new Simplify()));
        }

        private Pass tensor(int dataParts) {
            var sequence = ranks.parallelism().sequenceParallel();
            return Partition.tensor(ranks.mesh().tensor(), Shardings.tensor(ranks.held()), sequence, dataParts);
        }

        private Pass data() {
            return Partition.data(ranks.mesh().data(), Shardings.data(ranks.held()), Shardings::rows);
        }

        List<Pass> perMicroBatch() {
            return List.of(
                    tensor(ranks.mesh().data() * microBatches),
                    data(),
                    Partition.microBatches(microBatches, Shardings.microBatches(), Shardings::rows),
                    new ExpandCollectives(),
                    new Simplify());
        }

        List<Pass> wholeBatch() {
            return ranks.mesh().size() == 1
                    ? List.of()
                    : List.of(
                            tensor(ranks.mesh().data()),
                            data(),
                            new ExpandCollectives(),
                            new BucketCollectives(),
                            new Simplify());
        }
    }

    static List<Pass> gradients(
            List<Parameter> parameters, Ranks ranks, OptionalLong budget, Consumer<RecomputeReport> told) {
        var trainable = parameters.stream()
                .filter(Parameter::trainable)
                .map(Parameter::name)
                .toList();
        return backward(
                Pass.of(
                        "gradients",
                        g -> Autodiff.gradients(
                                g,
                                LOSS,
                                input -> input.kind() == InputKind.PARAMETER && trainable.contains(input.name()))),
                ranks,
                budget,
                told);
    }

    static List<Pass> training(
            List<Parameter> parameters,
            Optimizer optimizer,
            Ranks ranks,
            OptionalLong budget,
            Consumer<RecomputeReport> told) {
        return backward(
                Pass.of("train-step", g -> TrainStep.build(g, LOSS, parameters, optimizer)), ranks, budget, told);
    }

    private static List<Pass> backward(
            Pass differentiate, Ranks ranks, OptionalLong budget, Consumer<RecomputeReport> told) {
        var passes = new ArrayList<Pass>(
                List.of(new Simplify(), new NarrowRows(), differentiate, new EraseStopGradients(), new Simplify()));
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
