package org.clipc.compiler.shard;

import java.util.List;
import org.clipc.compiler.pass.Simplify;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.Cost;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.Op;
import org.junit.jupiter.api.Test;

class CollectivesTest {
    @Test
    void dump() {
        for (var setup : List.of(
                new MeshEquivalenceTest.Setup(new Mesh(1, 2), false, false),
                new MeshEquivalenceTest.Setup(new Mesh(1, 2), true, false),
                new MeshEquivalenceTest.Setup(new Mesh(2, 1), false, false),
                new MeshEquivalenceTest.Setup(new Mesh(2, 1), false, true))) {
            var model = new TinyClip();
            var step = new Simplify().apply(TrainStep.build(model.loss(4), "loss", model.parameters(), new Optimizer(0.9, 0.98, 1e-6, 0.2, 0.5)));
            var g = MeshEquivalenceTest.divide(step, Shardings.held(model.parameters(), setup.mesh(), setup.zero()), setup);
            System.out.println(setup);
            g.nodes().forEach(n -> {
                if (n.op() instanceof Op.AllReduce || n.op() instanceof Op.AllGather || n.op() instanceof Op.ReduceScatter)
                    System.out.println("  " + n.op() + " " + n.types() + " " + n.location().path());
            });
        }
    }
}
