package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.compiler.fuse.Fuse;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Lowering;
import org.clipc.compiler.lower.Overlap;
import org.clipc.compiler.memory.InPlace;
import org.clipc.compiler.memory.Lifetimes;
import org.clipc.compiler.memory.PlanMemory;
import org.clipc.compiler.pass.EraseStopGradients;
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
import org.clipc.program.Parameter;

/** The passes that each kind of entry point goes through. */
final class EntryPasses {

    static final String LOSS = "loss";

    private EntryPasses() {}

    /**
     * What the passes must know of ranks, and of what these hold.
     *
     * @param held the parameters as each of them holds them
     */
    record Ranks(Parallelism parallelism, Precision precision, List<Parameter> held) {

        Mesh mesh() {
            return parallelism.mesh();
        }

        /** Rounds what is to be bf16, and drops the roundings of what is bf16 already. */
        List<Pass> rounding() {
            return precision == Precision.F32
                    ? List.of()
                    : List.of(new MixedPrecision(precision, LOSS), new Simplify());
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
        passes.addAll(ranks.rounding());
        if (ranks.mesh().tensor() > 1) {
            passes.addAll(List.of(ranks.tensor(), new ExpandCollectives(), new Simplify()));
        }
        passes.addAll(List.of(new Fuse(), new Schedule()));
        return passes;
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
                Pass.of(
                        "train-step",
                        g -> TrainStep.build(g, LOSS, parameters, optimizer, ranks.precision()::hasMaster)),
                ranks,
                budget,
                told);
    }

    private static List<Pass> backward(
            Pass differentiate, Ranks ranks, OptionalLong budget, Consumer<RecomputeReport> told) {
        var passes = new ArrayList<Pass>(
                List.of(new Simplify(), new NarrowRows(), differentiate, new EraseStopGradients(), new Simplify()));
        passes.addAll(ranks.rounding());
        if (ranks.mesh().size() > 1) {
            passes.addAll(List.of(
                    ranks.tensor(),
                    ranks.data(),
                    new ExpandCollectives(),
                    new BucketCollectives(ranks.parallelism().bucketBytes()),
                    new Simplify()));
        }
        var overlapped = ranks.parallelism().overlapped();
        passes.addAll(List.of(
                new Rematerialize(LOSS, budget, graph -> workspace(graph, overlapped), told),
                new Fuse(),
                new Schedule(overlapped)));
        return passes;
    }

    /** Size of the workspace that a graph will need, before it is fused. */
    private static long workspace(Graph graph, boolean overlapped) {
        var lowered = lower(new Schedule(overlapped).apply(new Fuse().apply(graph)), overlapped);
        return PlanMemory.plan(Lifetimes.of(lowered), lowered.steps().size()).bytes();
    }

    /** @param overlapped whether kernels go on while data-parallel ranks exchange */
    static LoweredGraph lower(Graph fused, boolean overlapped) {
        var lowered = InPlace.apply(Lowering.lower(fused));
        return overlapped ? Overlap.apply(lowered) : lowered;
    }
}
