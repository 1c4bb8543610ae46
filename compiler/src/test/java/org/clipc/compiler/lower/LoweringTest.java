package org.clipc.compiler.lower;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.memory.InPlace;
import org.clipc.compiler.memory.Lifetimes;
import org.clipc.compiler.memory.PlanMemory;
import org.clipc.ir.FusionKind;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Interpreter;
import org.clipc.program.Manifest;

class LoweringTest {

    @Property(tries = 300)
    void launchesComputeWhatTheGraphMeans(@ForAll long seed) {
        var graph = RandomGraphs.graph(seed, 10 + (int) Math.floorMod(seed, 40L));
        var inputs = RandomGraphs.inputs(graph, seed);
        var lowered = Lowering.lower(graph);
        var outputs = LaunchInterpreter.unplanned(lowered).run(inputs);
        Tensors.assertSame(graph.name(), Interpreter.run(graph, inputs), outputs);
    }

    /** As a tree, the last of the squares would have 2^60 leaves. */
    @Example
    void whatABodySharesIsReadOnce() {
        var type = TensorType.f32(3);
        var body = new GraphBuilder("body");
        var square = body.input("0", InputKind.OPERAND, type);
        for (var i = 0; i < 60; i++) {
            square = body.mul(square, square);
        }
        body.output("0", square);
        var graph = new GraphBuilder("squares");
        var x = graph.input("x", InputKind.DATA, type);
        graph.output("y", graph.add(new Op.Fused(FusionKind.ELEMENTWISE, body.build()), x));
        var step = (Step.Kernel) Lowering.lower(graph.build()).steps().getFirst();
        var spec = (KernelSpec.Elementwise) step.launch().spec();
        assertThat(ExprDag.of(List.of(spec.results().getFirst().value())).nodes())
                .hasSize(61);
    }

    @Property(tries = 300)
    void thePlannedWorkspaceKeepsWhatIsStillWanted(@ForAll long seed) {
        var graph = RandomGraphs.graph(seed, 20 + (int) Math.floorMod(seed, 60L));
        var inputs = RandomGraphs.inputs(graph, seed);
        var lowered = InPlace.apply(Lowering.lower(graph));
        var plan = PlanMemory.plan(Lifetimes.of(lowered), lowered.steps().size());
        var offsets = new HashMap<>(plan.offsets());
        var end = plan.bytes();
        for (var buffer : lowered.buffers()) {
            if (buffer.role() != Buffer.Role.WORKSPACE) {
                offsets.put(buffer.id(), end);
                end = Manifest.align(end + buffer.bytes());
            }
        }
        var outputs = new LaunchInterpreter(lowered, offsets::get, end).run(inputs);
        Tensors.assertSame(graph.name(), Interpreter.run(graph, inputs), outputs);
    }
}
