package org.clipc.program;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.clipc.ir.FusionKind;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.junit.jupiter.api.Test;

class NodeInfoTest {

    private static final TensorType MATRIX = TensorType.f32(4, 4);

    @Test
    void namesFusionsByWhatTheyCompute() {
        var body = new GraphBuilder("body");
        var x = body.input("0", InputKind.OPERAND, MATRIX);
        var scaled = body.unary(UnaryFn.EXP, x);
        var product = body.addAll(
                        new Op.DotGeneral(List.of(), List.of(), List.of(1), List.of(0)), List.of(scaled, scaled))
                .getFirst();
        body.output("0", body.add(product, x));
        var graph = new GraphBuilder("g");
        var input = graph.input("x", InputKind.DATA, MATRIX);
        graph.at(new Location("visual.mlp", "mlp.clip:3", ""));
        graph.output(
                "y",
                graph.addAll(new Op.Fused(FusionKind.GEMM, body.build()), List.of(input))
                        .getFirst());

        var nodes = NodeInfo.of(graph.build());
        assertThat(nodes).hasSize(2);
        assertThat(nodes.getLast()).isEqualTo(new NodeInfo("dot_general+exp+add", "visual.mlp", "mlp.clip:3"));
    }

    @Test
    void namesFunctionsAndCopies() {
        var body = new GraphBuilder("body");
        var x = body.input("0", InputKind.OPERAND, MATRIX);
        body.output(
                "0", body.addAll(new Op.Transpose(List.of(1, 0)), List.of(x)).getFirst());
        var graph = new GraphBuilder("g");
        var input = graph.input("x", InputKind.DATA, MATRIX);
        var sum = graph.addAll(new Op.Reduce(ReduceFn.SUM, List.of(0)), List.of(graph.unary(UnaryFn.TANH, input)))
                .getFirst();
        var copy = graph.addAll(new Op.Fused(FusionKind.ELEMENTWISE, body.build()), List.of(input))
                .getFirst();
        graph.output("sum", sum);
        graph.output(
                "copy",
                graph.addAll(new Op.Reshape(Shape.of(16)), List.of(copy)).getFirst());
        assertThat(NodeInfo.of(graph.build()).stream().map(NodeInfo::op))
                .containsExactly("input", "tanh", "reduce_sum", "copy", "reshape");
    }
}
