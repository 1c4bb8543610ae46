package org.clipc.compiler.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.clipc.compiler.explain.StepGraphs;
import org.clipc.compiler.plan.Cluster.Efficiency;
import org.clipc.compiler.plan.Cluster.Link;
import org.clipc.ir.DType;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
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
            0,
            new Efficiency(0.5, 0.25, 0.8, 0.75),
            new Link(1e5, 1e-3),
            new Link(2e4, 2e-3));

    private static StepTime time(GraphBuilder b, Mesh mesh) {
        return time(b, mesh, CLUSTER, false);
    }

    private static StepTime time(GraphBuilder b, Mesh mesh, Cluster cluster, boolean overlapped) {
        var once = new StepGraphs(List.of(new StepGraphs.Run(b.build(), 1)));
        return StepTime.of(once, mesh, cluster, overlapped);
    }

    private static Cluster launching(double seconds) {
        return new Cluster(
                CLUSTER.name(),
                CLUSTER.gpusPerNode(),
                CLUSTER.memory(),
                CLUSTER.reserved(),
                CLUSTER.flops(),
                CLUSTER.memoryBandwidth(),
                seconds,
                CLUSTER.efficiency(),
                CLUSTER.withinNode(),
                CLUSTER.betweenNodes());
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
        assertThat(time.data()).isCloseTo(12000 / 0.8 / 4e4 + 2 * 2e-3, within(1e-12));
        assertThat(time.compute()).isZero();
        assertThat(time.seconds()).isEqualTo(time.tensor() + time.data());
    }

    /** Inputs, and what only renames memory, need no kernel. */
    @Test
    void eachKernelIsLaunched() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(1000));
        b.output("y", b.reshape(b.neg(b.neg(x)), Shape.of(10, 100)));
        assertThat(time(b, Mesh.SINGLE, launching(0.5), false).compute())
                .isCloseTo(2 * (0.5 + 8000 / (1e6 * 0.25)), within(1e-12));
    }

    /**
     * What kernels hide of an exchange, here three quarters of it, is bounded by how long those run that need not wait; the
     * rest blocks them.
     */
    @ParameterizedTest
    @CsvSource({"0, 1", "1, 0.8", "2, 0.6", "3, 0.4", "4, 0.25", "9, 0.25"})
    void kernelsHideExchangesAsLongAsTheyNeedNotWait(int between, double shown) {
        var mesh = new Mesh(8, 1);
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(1000));
        var all = b.add(new Op.AllReduce(MeshAxis.DATA, ReduceFn.SUM, 8), x);
        var y = x;
        for (var i = 0; i < between; i++) {
            y = b.neg(y);
        }
        b.output("z", b.add(y, all));
        var waited = time(b, mesh);
        var exchange = 7000 / 0.8 / 1e5 + 6 * 1e-3;
        assertThat(waited.data()).isCloseTo(exchange, within(1e-12));
        var kernel = 0.2 * exchange;
        var cluster = launching(kernel - 8000 / (1e6 * 0.25));
        assertThat(time(b, mesh, cluster, true).data() / exchange).isCloseTo(shown, within(1e-9));
        assertThat(time(b, mesh, cluster, false).data()).isCloseTo(exchange, within(1e-12));
    }

    @Test
    void aStepRunsSomeOfItsGraphsSeveralTimes() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(1000));
        b.output("y", b.add(new Op.AllReduce(MeshAxis.TENSOR, ReduceFn.SUM, 2), b.neg(x)));
        var graph = b.build();
        var mesh = new Mesh(1, 2);
        var once = time(b, mesh);
        var step = new StepGraphs(List.of(new StepGraphs.Run(graph, 3), new StepGraphs.Run(graph, 1)));
        var time = StepTime.of(step, mesh, CLUSTER, false);
        assertThat(time.compute()).isCloseTo(4 * once.compute(), within(1e-12));
        assertThat(time.tensor()).isCloseTo(4 * once.tensor(), within(1e-12));
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
