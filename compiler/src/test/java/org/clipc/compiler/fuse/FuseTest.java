package org.clipc.compiler.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.compiler.lower.LaunchInterpreter;
import org.clipc.compiler.lower.Lowering;
import org.clipc.compiler.lower.RandomGraphs;
import org.clipc.compiler.lower.Tensors;
import org.clipc.compiler.pass.Simplify;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;

class FuseTest {

    @Property(tries = 400)
    void fusedGraphsMeanTheSame(@ForAll long seed) {
        var graph = RandomGraphs.graph(seed, 15 + (int) Math.floorMod(seed, 80L));
        var inputs = RandomGraphs.inputs(graph, seed);
        var fused = new Fuse().apply(graph);
        assertThat(Verifier.verify(fused)).isEmpty();
        var expected = Interpreter.run(graph, inputs);
        Tensors.assertSame(graph.name(), expected, Interpreter.run(fused, inputs));
        var lowered = Lowering.lower(fused);
        Tensors.assertSame(
                graph.name(), expected, LaunchInterpreter.unplanned(lowered).run(inputs));
    }

    @Property(tries = 300)
    void simplifiedGraphsFuseToo(@ForAll long seed) {
        var graph = RandomGraphs.graph(seed, 15 + (int) Math.floorMod(seed, 80L));
        var inputs = RandomGraphs.inputs(graph, seed);
        var fused = new Fuse().apply(new Simplify().apply(graph));
        assertThat(Verifier.verify(fused)).isEmpty();
        var lowered = Lowering.lower(fused);
        Tensors.assertSame(
                graph.name(),
                Interpreter.run(graph, inputs),
                LaunchInterpreter.unplanned(lowered).run(inputs));
    }
}
