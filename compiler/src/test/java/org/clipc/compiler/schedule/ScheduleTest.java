package org.clipc.compiler.schedule;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.compiler.fuse.Fuse;
import org.clipc.compiler.lower.RandomGraphs;
import org.clipc.compiler.lower.Tensors;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.junit.jupiter.api.Test;

class ScheduleTest {

    @Property(tries = 150)
    void anotherOrderMeansTheSameAndNeedsNoMore(@ForAll long seed) {
        var graph = RandomGraphs.graph(seed, 15 + (int) Math.floorMod(seed, 80L));
        var inputs = RandomGraphs.inputs(graph, seed);
        for (var ordered : new Graph[] {
            new Schedule().apply(graph),
            new Schedule().apply(new Fuse().apply(graph)),
            new Schedule(false, true).apply(new Fuse().apply(graph))
        }) {
            assertThat(Verifier.verify(ordered)).isEmpty();
            Tensors.assertSame(graph.name(), Interpreter.run(graph, inputs), Interpreter.run(ordered, inputs));
        }
        assertThat(peak(new Schedule().apply(graph))).isLessThanOrEqualTo(peak(graph));
    }

    private static long peak(Graph graph) {
        var liveness = new Liveness(graph);
        return liveness.profile(liveness.order()).peak();
    }

    @Test
    void whatIsReadLateIsComputedLate() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(64, 100));
        var y = b.input("y", InputKind.DATA, TensorType.f32(64));
        var early = b.unary(UnaryFn.EXP, y);
        Value chain = x;
        for (var i = 0; i < 4; i++) {
            chain = b.unary(UnaryFn.TANH, chain);
        }
        b.output("z", b.add(b.sum(chain, List.of(1)), early));
        var graph = b.build();
        var ordered = new Schedule().apply(graph);
        var ops = ordered.nodes().stream().map(Node::op).toList();
        assertThat(ops.indexOf(new Op.Unary(UnaryFn.EXP))).isGreaterThan(ops.lastIndexOf(new Op.Unary(UnaryFn.TANH)));
    }

    /** Who reads sums of a tensor before a product that contracts the tensor over the same axes. */
    private enum Reader {
        NONE,
        OTHER,
        PRODUCT
    }

    private static Graph sumsAndProduct(DType dtype, boolean isFirstFactor, Reader reader) {
        var b = new GraphBuilder("g");
        var axes = List.of(0, 1);
        var x = b.input("x", InputKind.DATA, TensorType.f32(8, 6, 5));
        var y = b.input("y", InputKind.DATA, TensorType.f32(8, 6, 4));
        var tensor = b.convert(b.unary(UnaryFn.TANH, x), dtype);
        var sums = b.sum(b.convert(tensor, DType.F32), axes);
        var square = b.sum(b.mul(sums, sums), List.of(0));
        if (reader == Reader.OTHER) {
            b.output("early", b.unary(UnaryFn.EXP, sums));
        }
        var changed = reader == Reader.PRODUCT ? b.add(y, b.broadcastTo(square, b.shape(y))) : y;
        var other = b.convert(b.unary(UnaryFn.SIN, changed), dtype);
        var dot = new Op.DotGeneral(List.of(), List.of(), axes, axes);
        b.output("product", isFirstFactor ? b.add(dot, tensor, other) : b.add(dot, other, tensor));
        b.output("sums", sums);
        b.output("square", square);
        return new Schedule(false, true).apply(new Fuse().apply(b.build()));
    }

    private static int indexOf(Graph graph, String output) {
        return graph.output(output).value().node();
    }

    @Test
    void sumsOfAFactorStandBehindItsProduct() {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            for (var isFirst : List.of(true, false)) {
                var graph = sumsAndProduct(dtype, isFirst, Reader.NONE);
                assertThat(indexOf(graph, "sums")).isEqualTo(indexOf(graph, "product") + 1);
                assertThat(indexOf(graph, "square")).isEqualTo(indexOf(graph, "product") + 2);
                for (var reader : List.of(Reader.OTHER, Reader.PRODUCT)) {
                    var other = sumsAndProduct(dtype, isFirst, reader);
                    assertThat(indexOf(other, "sums")).isLessThan(indexOf(other, "product"));
                }
            }
        }
    }

    @Test
    void theBranchThatFreesMoreRunsFirst() {
        // Two long ways back from one point; along the second, large tensors die and small ones are left.
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(1000));
        var kept = IntStream.range(0, 20)
                .mapToObj(i -> b.unary(UnaryFn.SIN, b.mul(x, i)))
                .toList();
        var loss = b.sum(kept.getLast(), List.of(0));
        b.output("loss", loss);
        var start = b.neg(loss);
        Value grows = start;
        Value frees = start;
        for (var i = 0; i < 20; i++) {
            var wide = b.broadcast(grows, Shape.of(500), List.of());
            var gradient = b.unary(UnaryFn.TANH, wide);
            b.output("gradient" + i, gradient);
            grows = b.sum(b.mul(gradient, 2), List.of(0));
        }
        for (var i = 0; i < 20; i++) {
            frees = b.add(frees, b.sum(b.mul(kept.get(i), 3), List.of(0)));
        }
        b.output("rest", frees);
        var graph = b.build();
        assertThat(peak(graph)).isGreaterThan(100_000);
        assertThat(peak(new Schedule().apply(graph))).isLessThan(95_000);
    }
}
