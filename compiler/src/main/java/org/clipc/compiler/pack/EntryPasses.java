package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.compiler.fuse.Fuse;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Lowering;
import org.clipc.compiler.memory.InPlace;
import org.clipc.compiler.memory.Lifetimes;
import org.clipc.compiler.memory.PlanMemory;
import org.clipc.compiler.pass.EraseStopGradients;
import org.clipc.compiler.pass.ExpandAttention;
import org.clipc.compiler.pass.NarrowRows;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.PassPipeline;
import org.clipc.compiler.pass.Simplify;
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

    /** @param attention whether all targets have kernels for attention */
    static List<Pass> inference(boolean attention) {
        var passes = new ArrayList<Pass>();
        passes.add(new EraseStopGradients());
        passes.add(new Simplify());
        passes.add(new NarrowRows());
        if (!attention) {
            passes.add(new ExpandAttention());
        }
        passes.add(new Simplify());
        passes.add(new Fuse());
        passes.add(new Schedule());
        return passes;
    }

    static List<Pass> gradients(List<Parameter> parameters, OptionalLong budget, boolean attention) {
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
                attention);
    }

    static List<Pass> training(
            List<Parameter> parameters, Optimizer optimizer, OptionalLong budget, boolean attention) {
        return backward(Pass.of("train-step", g -> TrainStep.build(g, LOSS, parameters, optimizer)), budget, attention);
    }

    private static List<Pass> backward(Pass differentiate, OptionalLong budget, boolean attention) {
        var passes = new ArrayList<Pass>();
        passes.add(new Simplify());
        passes.add(new NarrowRows());
        passes.add(differentiate);
        passes.add(new EraseStopGradients());
        if (!attention) {
            passes.add(new ExpandAttention());
        }
        passes.add(new Simplify());
        passes.add(new Rematerialize(LOSS, budget, EntryPasses::workspace));
        passes.add(new Fuse());
        passes.add(new Schedule());
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

    static PassPipeline pipeline(String entry, List<Pass> passes, CompileOptions options) {
        return new PassPipeline(
                passes,
                options.verifyEach(),
                (pass, graph) -> options.observer().after(entry, pass.name(), graph));
    }
}
