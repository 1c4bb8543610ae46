package org.clipc.ir;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.clipc.ir.testing.RandomGraphs;
import org.junit.jupiter.api.Test;

class CostTest {

    private static Cost cost(Op op, TensorType... operands) {
        return Cost.of(op, List.of(operands), ShapeRules.infer(op, List.of(operands)));
    }

    @Test
    void productsCountTwoPerMultiplyAdd() {
        var dot = new Op.DotGeneral(List.of(0), List.of(0), List.of(2), List.of(1));
        assertThat(cost(dot, TensorType.f32(8, 50, 64), TensorType.f32(8, 64, 32)))
                .isEqualTo(new Cost(2L * 8 * 50 * 64 * 32, 4L * 8 * (50 * 64 + 64 * 32 + 50 * 32)));
    }

    @Test
    void attentionCountsVisiblePairs() {
        var x = TensorType.f32(2, 77, 512);
        var full = cost(new Op.Attention(8, false, 1, 0, 0), x, x, x).flops();
        var causal = cost(new Op.Attention(8, true, 1, 0, 0), x, x, x).flops();
        assertThat(full).isEqualTo(4L * 2 * 77 * 77 * 512);
        assertThat(causal).isEqualTo(4L * 2 * (77 * 78 / 2) * 512);
        var lse = TensorType.f32(2, 8, 77);
        assertThat(cost(new Op.AttentionGrad(8, true, 1, 0, 0), x, x, x, x, x, lse)
                        .flops())
                .isEqualTo(causal / 2 * 5);
    }

    @Test
    void lookingUpRowsMovesTheRowsOnly() {
        var cost = cost(new Op.Gather(0), TensorType.f32(49_408, 512), TensorType.i32(32, 77));
        assertThat(cost).isEqualTo(new Cost(0, 4L * 32 * 77 * (1 + 2 * 512)));
    }

    @Test
    void renamingMemoryIsFree() {
        assertThat(cost(new Op.Reshape(Shape.of(6)), TensorType.f32(2, 3))).isEqualTo(Cost.NONE);
    }

    @Test
    void fusionSavesBytesNotFlops() {
        var type = new TensorType(DType.BF16, Shape.of(100));
        var body = new GraphBuilder("body");
        var sum = body.add(body.input("0", InputKind.OPERAND, type), body.input("1", InputKind.OPERAND, type));
        body.output("0", body.unary(UnaryFn.TANH, sum));
        assertThat(Cost.of(body.build())).isEqualTo(new Cost(200, 1000));
        assertThat(cost(new Op.Fused(FusionKind.ELEMENTWISE, body.build()), type, type))
                .isEqualTo(new Cost(200, 600));
    }

    @Test
    void everyOpHasACost() {
        for (var op : RandomGraphs.ops()) {
            for (var seed = 0; seed < 10; seed++) {
                var graph = RandomGraphs.applying(op, seed).graph();
                var cost = Cost.of(graph, graph.nodes().getLast());
                assertThat(cost.flops()).isNotNegative();
                assertThat(cost.bytes()).isNotNegative();
            }
        }
    }
}
