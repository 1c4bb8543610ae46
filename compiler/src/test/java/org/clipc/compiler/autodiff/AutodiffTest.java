package org.clipc.compiler.autodiff;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.ir.testing.RandomGraphs;

/** Gradients against central differences, in float64, for every op. */
class AutodiffTest {

    private static final double STEP = 1e-5;
    private static final int PROBES_PER_INPUT = 6;

    /** Ops that report an error when a gradient must pass them. */
    private static final Set<Class<? extends Op>> WITHOUT_RULE = Set.of(
            Op.LayerNormGrad.class,
            Op.SoftmaxGrad.class,
            Op.SoftmaxXentGrad.class,
            Op.AttentionGrad.class,
            Op.AdamW.class,
            Op.Fused.class);

    /** Ops whose results do not depend on float operands, or not smoothly. */
    private static final Set<Class<? extends Op>> STOPPING = Set.of(
            Op.Constant.class,
            Op.Iota.class,
            Op.Compare.class,
            Op.Uniform.class,
            Op.RandomSubset.class,
            Op.ArgMax.class,
            Op.StopGradient.class);

    @Provide
    static Arbitrary<Class<? extends Op>> smooth() {
        return Arbitraries.of(RandomGraphs.ops().stream()
                .filter(op -> !WITHOUT_RULE.contains(op) && !STOPPING.contains(op))
                .toList());
    }

    @Provide
    static Arbitrary<Class<? extends Op>> withoutRule() {
        return Arbitraries.of(WITHOUT_RULE);
    }

    @Provide
    static Arbitrary<Class<? extends Op>> stopping() {
        return Arbitraries.of(STOPPING);
    }

    /** Inputs are where differentiation ends; every other op is in the samples, so one of the properties here has it. */
    @Example
    void everyOpIsTested() {
        var tested = new HashSet<Class<?>>(RandomGraphs.ops());
        tested.add(Op.Input.class);
        assertThat(Op.all()).isEqualTo(tested);
    }

    @Property(tries = 2500, shrinking = ShrinkingMode.OFF)
    void gradientsMatchCentralDifferences(@ForAll("smooth") Class<? extends Op> op, @ForAll long seed) {
        var sample = RandomGraphs.applying(op, seed);
        assertGradients(withLoss(sample.graph(), seed, 1), sample.inputs(), seed, 1e-6);
    }

    /** Chains of ops: sums over several uses, values without path to the loss. */
    @Property(tries = 200, shrinking = ShrinkingMode.OFF)
    void gradientsOfWholeGraphsMatchCentralDifferences(@ForAll long seed) {
        List<Class<? extends Op>> ops = List.of(
                Op.Binary.class,
                Op.DotGeneral.class,
                Op.Reshape.class,
                Op.Transpose.class,
                Op.Broadcast.class,
                Op.Softmax.class,
                Op.Gather.class,
                Op.Slice.class,
                Op.Concat.class,
                Op.Select.class,
                Op.Constant.class);
        var sample = RandomGraphs.graph(seed, 12, List.of(DType.F32), ops);
        assertGradients(withLoss(sample.graph(), seed, 0), sample.inputs(), seed, 1e-4);
    }

    @Property(tries = 200, shrinking = ShrinkingMode.OFF)
    void stoppingOpsGiveZeros(@ForAll("stopping") Class<? extends Op> op, @ForAll long seed) {
        var sample = RandomGraphs.applying(op, seed);
        var graph = Autodiff.gradients(withLoss(sample.graph(), seed, 1), "loss", _ -> true);
        var outputs = Interpreter.run(graph, sample.inputs());
        outputs.forEach((name, gradient) -> {
            if (name.startsWith(Autodiff.PREFIX)) {
                assertThat(gradient.data()).containsOnly(0);
            }
        });
    }

    @Property(tries = 60, shrinking = ShrinkingMode.OFF)
    void opsWithoutRuleSaySo(@ForAll("withoutRule") Class<? extends Op> op, @ForAll long seed) {
        var forward = withLoss(RandomGraphs.applying(op, seed).graph(), seed, 1);
        assertThatThrownBy(() -> Autodiff.gradients(forward, "loss", _ -> true))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessageContaining("has no gradient");
    }

    /** The graph with an output "loss": the sum of the first results' elements (all results if {@code first} is 0) times random weights. */
    private static Graph withLoss(Graph graph, long seed, int first) {
        var b = new GraphBuilder(graph.name());
        graph.nodes().forEach(node -> b.at(node.location()).addAll(node.op(), node.operands()));
        var random = new Random(seed);
        var loss = b.constant(TensorType.f32(), 0);
        var outputs = first == 0 ? graph.outputs() : graph.outputs().subList(0, first);
        for (var output : outputs) {
            var y = output.value();
            if (output.value().result() == 0) {
                var weights = weights(b, b.shape(y), random.nextDouble());
                var weighted = b.mul(b.convert(y, DType.F32), weights);
                loss = b.add(loss, b.sum(weighted, axes(b.shape(y).rank())));
            }
        }
        b.output("loss", loss);
        return b.build();
    }

    /** Distinct factors for the elements: cos(offset + index). */
    private static Value weights(GraphBuilder b, Shape shape, double offset) {
        var count = (int) shape.elements();
        var index = b.convert(b.add(new Op.Iota(Shape.of(count), 0)), DType.F32);
        var angle = b.add(index, b.constantLike(index, offset));
        return b.reshape(b.unary(UnaryFn.COS, angle), shape);
    }

    private static List<Integer> axes(int rank) {
        return IntStream.range(0, rank).boxed().toList();
    }

    private static void assertGradients(Graph forward, Map<String, Tensor64> inputs, long seed, double tolerance) {
        var graph = Autodiff.gradients(forward, "loss", _ -> true);
        var outputs = Interpreter.run(graph, inputs);
        var random = new Random(seed);
        for (var input : forward.inputs()) {
            if (input.type().dtype().isFloat()) {
                var gradient = get(outputs, "grad." + input.name());
                assertThat(gradient.type()).isEqualTo(input.type());
                for (var probe = 0; probe < PROBES_PER_INPUT; probe++) {
                    var at = random.nextInt(gradient.size());
                    var expected = centralDifference(forward, inputs, input.name(), at);
                    assertThat(gradient.get(at))
                            .as("seed %d: derivative by %s[%d]", seed, input.name(), at)
                            .isCloseTo(expected, within(tolerance * (1 + Math.abs(expected))));
                }
            }
        }
    }

    private static Tensor64 get(Map<String, Tensor64> outputs, String name) {
        return Objects.requireNonNull(outputs.get(name), name);
    }

    private static double centralDifference(Graph forward, Map<String, Tensor64> inputs, String name, int at) {
        return (lossAt(forward, inputs, name, at, STEP) - lossAt(forward, inputs, name, at, -STEP)) / (2 * STEP);
    }

    private static double lossAt(Graph forward, Map<String, Tensor64> inputs, String name, int at, double step) {
        var moved = new HashMap<String, Tensor64>(inputs);
        moved.computeIfPresent(name, (_, x) -> {
            var data = x.data().clone();
            data[at] += step;
            return Tensor64.of(x.type(), data);
        });
        return get(Interpreter.run(forward, moved), "loss").get(0);
    }

    @Example
    void tiesShareTheGradient() {
        var b = new GraphBuilder("ties");
        var x = b.input("x", InputKind.PARAMETER, TensorType.f32(3));
        var max = b.add(new Op.Reduce(ReduceFn.MAX, List.of(0)), x);
        b.output("max", max);
        var y = b.input("y", InputKind.PARAMETER, TensorType.f32());
        b.output("loss", b.binary(BinaryFn.MIN, y, max));
        var outputs = Interpreter.run(
                Autodiff.gradients(b.build(), "loss", _ -> true),
                Map.of("x", Tensor64.of(TensorType.f32(3), 1, 2, 2), "y", Tensor64.of(TensorType.f32(), 2)));
        assertThat(get(outputs, "grad.x").data()).containsExactly(0, 0.25, 0.25);
        assertThat(get(outputs, "grad.y").data()).containsExactly(0.5);
    }

    @Example
    void powersOfZeroAndWithExponentZeroHaveFiniteGradients() {
        var b = new GraphBuilder("pow");
        var x = b.input("x", InputKind.PARAMETER, TensorType.f32(2));
        var e = b.input("e", InputKind.PARAMETER, TensorType.f32(2));
        b.output("loss", b.sum(b.binary(BinaryFn.POW, x, e), List.of(0)));
        var outputs = Interpreter.run(
                Autodiff.gradients(b.build(), "loss", _ -> true),
                Map.of("x", Tensor64.of(TensorType.f32(2), 0, 0), "e", Tensor64.of(TensorType.f32(2), 0, 2)));
        assertThat(get(outputs, "grad.x").data()).containsExactly(0, 0);
        assertThat(get(outputs, "grad.e").data()).containsExactly(0, 0);
    }

    @Example
    void onlyChosenInputsGetGradientsAndNothingIsComputedForOthers() {
        var b = new GraphBuilder("mlp");
        var x = b.input("x", InputKind.DATA, TensorType.f32(2, 3));
        var w = b.input("w", InputKind.PARAMETER, TensorType.f32(4, 3));
        b.input("unused", InputKind.PARAMETER, TensorType.f32(5));
        b.output("loss", b.sum(b.dot(x, 1, w, 1), List.of(0, 1)));
        var graph = Autodiff.gradients(b.build(), "loss", input -> input.kind() == InputKind.PARAMETER);
        assertThat(graph.outputs().stream().map(o -> o.name())).containsExactly("loss", "grad.w", "grad.unused");
        assertThat(graph.nodes().stream().filter(n -> n.op() instanceof Op.DotGeneral))
                .hasSize(2);
        assertThat(graph.op(graph.output("grad.unused").value())).isEqualTo(new Op.Constant(TensorType.f32(5), 0));
    }

    /** Linear layers dominate; their gradients must not pay for copies. */
    @Example
    void gradientsOfLinearLayersNeedNoTranspose() {
        for (var contractB : List.of(0, 1)) {
            var b = new GraphBuilder("linear");
            var x = b.input("x", InputKind.PARAMETER, TensorType.f32(2, 7, 3));
            var w = b.input("w", InputKind.PARAMETER, contractB == 0 ? TensorType.f32(3, 4) : TensorType.f32(4, 3));
            b.output("loss", b.sum(b.dot(x, 2, w, contractB), List.of(0, 1, 2)));
            var graph = Autodiff.gradients(b.build(), "loss", _ -> true);
            assertThat(graph.nodes()).noneMatch(n -> n.op() instanceof Op.Transpose);
        }
    }

    @Example
    void theForwardGraphStandsFirstAndGradientsKeepItsLocations() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.PARAMETER, TensorType.f32());
        b.at(new Location("visual.act", "vision.clip:7", "block 3"));
        b.output("loss", b.unary(UnaryFn.TANH, x));
        var forward = b.build();
        var graph = Autodiff.gradients(forward, "loss", _ -> true);
        assertThat(graph.nodes().subList(0, 2)).isEqualTo(forward.nodes());
        assertThat(graph.nodes().subList(2, graph.nodes().size()))
                .isNotEmpty()
                .allMatch(n -> n.location().equals(new Location("visual.act", "vision.clip:7", "")));
    }

    @Example
    void theLossMustBeAFloatScalar() {
        var b = new GraphBuilder("g");
        b.output("loss", b.input("x", InputKind.PARAMETER, TensorType.f32(2)));
        assertThatThrownBy(() -> Autodiff.gradients(b.build(), "loss", _ -> true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("output loss of g is f32[2]; only a float scalar has gradients");
    }

    @Example
    void namedOpsPassNoGradientThroughTheirSideResults() {
        var b = new GraphBuilder("g");
        b.at(new Location("visual.ln", "vision.clip:3", ""));
        var x = b.input("x", InputKind.PARAMETER, TensorType.f32(2));
        var results = b.addAll(new Op.LayerNorm(1e-5), List.of(x, x, x));
        b.output("loss", results.get(1));
        assertThatThrownBy(() -> Autodiff.gradients(b.build(), "loss", _ -> true))
                .isInstanceOf(UnsupportedOperationException.class)
                .hasMessage("no gradient flows back through result 1 of layer_norm in visual.ln at vision.clip:3");
    }
}
