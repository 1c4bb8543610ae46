package org.clipc.compiler.pack;

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
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.program.Parameter;

/** The passes that each kind of entry point goes through. */
final class EntryPasses {

    static final String LOSS = "loss";

    private EntryPasses() {}

    static List<Pass> inference() {
        return List.of(
                new EraseStopGradients(), new Simplify(), new NarrowRows(), new Simplify(), new Fuse(), new Schedule());
    }

    static List<Pass> gradients(List<Parameter> parameters, OptionalLong budget, Consumer<RecomputeReport> told) {
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
                budget,
                told);
    }

    static List<Pass> training(
            List<Parameter> parameters, Optimizer optimizer, OptionalLong budget, Consumer<RecomputeReport> told) {
        return backward(Pass.of("train-step", g -> TrainStep.build(g, LOSS, parameters, optimizer)), budget, told);
    }

    private static List<Pass> backward(Pass differentiate, OptionalLong budget, Consumer<RecomputeReport> told) {
        return List.of(
                new Simplify(),
                new NarrowRows(),
                differentiate,
                new EraseStopGradients(),
                new Simplify(),
                new Rematerialize(LOSS, budget, EntryPasses::workspace, told),
                new Fuse(),
                new Schedule());
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
