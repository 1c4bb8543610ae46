package org.clipc.compiler.lower;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.clipc.compiler.fuse.Fuse;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.LaunchCost;
import org.clipc.ir.Cost;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.junit.jupiter.api.Test;

class LaunchCostTest {

    private static Launch launch(Step step) {
        return ((Step.Kernel) step).launch();
    }

    private static Cost cost(Graph graph) {
        return Lowering.lower(graph).steps().stream()
                .map(step -> LaunchCost.of(launch(step)))
                .reduce(Cost.NONE, Cost::plus);
    }

    private static Graph graph(Op op, TensorType... operands) {
        var builder = new GraphBuilder("g");
        var values = new ArrayList<Value>();
        for (var type : operands) {
            values.add(builder.input("x" + values.size(), InputKind.DATA, type));
        }
        var results = builder.addAll(op, values);
        for (var i = 0; i < results.size(); i++) {
            builder.output("y" + i, results.get(i));
        }
        return builder.build();
    }

    /** What a launch costs is what its node costs, for every op that is one launch. */
    @Test
    void launchesCostWhatTheirNodesDo() {
        var x = TensorType.f32(6, 10, 32);
        var rows = TensorType.f32(6, 10);
        var width = TensorType.f32(32);
        var lse = TensorType.f32(6, 4, 10);
        for (var graph : List.of(
                graph(new Op.LayerNorm(1e-5), x, width, width),
                graph(new Op.LayerNormGrad(), x, x, width, rows, rows),
                graph(new Op.Softmax(), x),
                graph(new Op.SoftmaxGrad(), x, x),
                graph(new Op.SoftmaxXent(), TensorType.f32(6, 10), TensorType.i32(6)),
                graph(new Op.Attention(4, true, 1, 0, 0), x, x, x),
                graph(new Op.AttentionGrad(4, false, 1, 0, 0), x, x, x, x, x, lse),
                graph(new Op.Unary(UnaryFn.TANH), x),
                graph(new Op.ArgMax(1), TensorType.f32(6, 10)),
                graph(new Op.Gather(0), TensorType.f32(50, 32), TensorType.i32(6, 10)),
                graph(new Op.ScatterAdd(0, 50), x, TensorType.i32(6, 10)),
                graph(new Op.DotGeneral(List.of(), List.of(), List.of(2), List.of(1)), x, TensorType.f32(48, 32)))) {
            assertThat(cost(graph)).as(graph.toString()).isEqualTo(Cost.of(graph));
        }
    }

    @Test
    void aFusedProductCountsItsEpilogueAndReadsItsBiasOnce() {
        var builder = new GraphBuilder("linear");
        var x = builder.input("x", InputKind.DATA, TensorType.f32(20, 30));
        var w = builder.input("w", InputKind.PARAMETER, TensorType.f32(40, 30));
        var bias = builder.input("b", InputKind.PARAMETER, TensorType.f32(40));
        var product = builder.addAll(new Op.DotGeneral(List.of(), List.of(), List.of(1), List.of(1)), List.of(x, w))
                .getFirst();
        var wide = builder.addAll(new Op.Broadcast(TensorType.f32(20, 40).shape(), List.of(1)), List.of(bias))
                .getFirst();
        builder.output("y", builder.unary(UnaryFn.TANH, builder.add(product, wide)));
        var fused = new Fuse().apply(builder.build());
        var launches = Lowering.lower(fused).steps();
        assertThat(launches).hasSize(1);
        assertThat(launch(launches.getFirst()).spec()).isInstanceOf(KernelSpec.Gemm.class);
        assertThat(LaunchCost.of(launch(launches.getFirst())))
                .isEqualTo(new Cost(2L * 20 * 30 * 40 + 2 * 20 * 40, 4L * (20 * 30 + 40 * 30 + 40 + 20 * 40)));
    }
}
