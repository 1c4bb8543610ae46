package org.clipc.compiler.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import org.clipc.compiler.plan.Cluster.Efficiency;
import org.clipc.compiler.plan.Cluster.Link;
import org.clipc.ir.DType;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.TensorType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Times worked out by hand. */
class StepTimeTest {

    private static final Cluster CLUSTER = new Cluster(
            "c",
            8,
            1 << 20,
            0,
            Map.of(DType.F32, 1e6, DType.BF16, 4e6),
            1e6,
            new Efficiency(0.5, 0.25, 0.8, 0.75),
            new Link(1e5, 1e-3),
            new Link(2e4, 2e-3));

    private static StepTime time(GraphBuilder b, Mesh mesh) {
        return StepTime.of(b.build(), mesh, CLUSTER);
    }

    @Test
    void aLargeProductTakesWhatItsArithmeticAsksFor() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(100, 100));
        b.output("y", b.dot(x, 1, x, 0));
        assertThat(time(b, Mesh.SINGLE)).isEqualTo(new StepTime(2e6 / (1e6 * 0.5), 0, 0));
    }

    @Test
    void aProductOfBf16RunsAtItsPeak() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(400, 400).withDtype(DType.BF16));
        b.output("y", b.dot(x, 1, x, 0));
        var flops = 2.0 * 400 * 400 * 400;
        assertThat(time(b, Mesh.SINGLE).compute()).isEqualTo(flops / (4e6 * 0.5));
    }

    @Test
    void elementwiseOpsTakeWhatTheirTrafficAsksFor() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(1000));
        b.output("y", b.neg(x));
        assertThat(time(b, Mesh.SINGLE).compute()).isEqualTo(8000 / (1e6 * 0.25));
    }

    @Test
    void exchangesTakeTheirBytesAndALatencyPerLevel() {
        var mesh = new Mesh(4, 4);
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(1000));
        b.output("y", b.add(new Op.AllReduce(MeshAxis.TENSOR, ReduceFn.SUM, 4), x));
        b.output("z", b.add(new Op.AllGather(MeshAxis.DATA, 4, 0, 1), x));
        var time = time(b, mesh);
        // An all-reduce sends 2·3/4 of its bytes; a gather what three others lack. Two of four data ranks share a node.
        assertThat(time.tensor()).isCloseTo(6000 / 0.8 / 1e5 + 4 * 1e-3, within(1e-12));
        assertThat(time.data()).isCloseTo((12000 / 0.8 / 4e4 + 2 * 2e-3) * 0.25, within(1e-12));
        assertThat(time.compute()).isZero();
        assertThat(time.seconds()).isEqualTo(time.tensor() + time.data());
    }

    /** Ranks of a group that share a node share its links, but are never faster than within the node. */
    @ParameterizedTest
    @CsvSource({
        "DATA, 1, 8, 1e5, 1e-3",
        "TENSOR, 1, 8, 1e5, 1e-3",
        "DATA, 8, 1, 1e5, 1e-3",
        "DATA, 2, 8, 2e4, 2e-3",
        "DATA, 4, 4, 4e4, 2e-3",
        "DATA, 8, 2, 8e4, 2e-3",
        "DATA, 64, 1, 1e5, 2e-3",
        "TENSOR, 1, 16, 1e5, 2e-3",
    })
    void groupsTalkOverTheSlowestLinkOnTheWay(MeshAxis axis, int data, int tensor, double bandwidth, double latency) {
        assertThat(CLUSTER.link(new Mesh(data, tensor), axis)).isEqualTo(new Link(bandwidth, latency));
    }
}
