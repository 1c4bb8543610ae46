package org.clipc.compiler.lower;

import java.util.HashMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.compiler.memory.InPlace;
import org.clipc.compiler.memory.Lifetimes;
import org.clipc.compiler.memory.PlanMemory;
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
