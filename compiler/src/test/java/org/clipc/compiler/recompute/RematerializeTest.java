package org.clipc.compiler.recompute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.compiler.cost.Work;
import org.clipc.compiler.fuse.Fuse;
import org.clipc.compiler.lower.LaunchInterpreter;
import org.clipc.compiler.lower.Lowering;
import org.clipc.compiler.memory.InPlace;
import org.clipc.compiler.memory.Lifetimes;
import org.clipc.compiler.memory.PlanMemory;
import org.clipc.compiler.pass.Simplify;
import org.clipc.compiler.precision.MixedPrecision;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.compiler.train.TwoTowers;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Test;

class RematerializeTest {

    private final TwoTowers.Model model = TwoTowers.build(TwoTowers.Sizes.tiny(0.2));
    private final Graph step = step(model);
    private final Map<String, Tensor64> inputs = inputs();

    private Map<String, Tensor64> inputs() {
        var all = new TreeMap<>(model.inputs(step, 7));
        all.put("lr", Tensor64.scalar(TensorType.f32(), 0.01));
        all.put("step", Tensor64.scalar(TensorType.f32(), 3));
        return all;
    }

    @Test
    void computingAgainChangesNoBit() {
        var expected = Interpreter.run(step, inputs);
        for (var price : new double[] {1e9, 1, 0.01, 1e-6}) {
            var boundary = step.output("loss").value().node();
            var graph = Recomputation.apply(
                    step,
                    boundary,
                    new SavedValues(step, boundary).choose(price).saved());
            assertThat(Verifier.verify(graph)).isEmpty();
            assertThat(Interpreter.run(graph, inputs)).isEqualTo(expected);
            assertThat(Interpreter.run(new Fuse().apply(graph), inputs)).isEqualTo(expected);
            assertThat(LaunchInterpreter.unplanned(Lowering.lower(new Fuse().apply(graph)))
                            .run(inputs))
                    .isEqualTo(expected);
        }
    }

    @Test
    void theLowerThePriceTheLessIsKept() {
        var large = middling();
        var boundary = large.output("loss").value().node();
        var last = Long.MAX_VALUE;
        for (var price : new double[] {1e9, 1, 0.3, 1e-6}) {
            var kept = new SavedValues(large, boundary)
                    .choose(price).saved().stream()
                            .mapToLong(v -> large.type(v).bytes())
                            .sum();
            assertThat(kept).isLessThan(last);
            last = kept;
        }
    }

    @Test
    void withoutABudgetOnlyCheapWorkIsDoneAgain() {
        var large = middling();
        var graph = new Rematerialize("loss", OptionalLong.empty(), RematerializeTest::planned, _ -> {}).apply(large);
        assertThat(Rematerialize.recomputedFlops(graph)).isPositive().isLessThan(0.02 * Work.of(large));
        assertThat(planned(graph)).isLessThan(planned(large));
    }

    @Test
    void meetsABudgetWithTheWorkItTakes() {
        var large = middling();
        var free = new Rematerialize("loss", OptionalLong.empty(), RematerializeTest::planned, _ -> {}).apply(large);
        var boundary = large.output("loss").value().node();
        var little = Recomputation.apply(
                large, boundary, new SavedValues(large, boundary).choose(0.3).saved());
        var budget = (planned(free) + planned(little)) / 2;
        assertThat(planned(free)).isGreaterThan(budget);
        var graph =
                new Rematerialize("loss", OptionalLong.of(budget), RematerializeTest::planned, _ -> {}).apply(large);
        assertThat(planned(graph)).isLessThanOrEqualTo(budget);
        assertThat(Rematerialize.recomputedFlops(graph))
                .isGreaterThan(Rematerialize.recomputedFlops(free))
                .isLessThanOrEqualTo(Rematerialize.recomputedFlops(little));
    }

    @Test
    void withABudgetThatAllFitsNoKernelRunsAgain() {
        var large = middling();
        var free = new Rematerialize("loss", OptionalLong.empty(), RematerializeTest::planned, _ -> {}).apply(large);
        var graph =
                new Rematerialize("loss", OptionalLong.of(1L << 40), RematerializeTest::planned, _ -> {}).apply(large);
        assertThat(kernelsAgain(free)).isPositive();
        assertThat(kernelsAgain(graph)).isZero();
    }

    @Test
    void keepsAProductAsItIsRounded() {
        var large = new Simplify().apply(new MixedPrecision(Precision.BF16, "loss").apply(middling()));
        var boundary = large.output("loss").value().node();
        var graph =
                new Rematerialize("loss", OptionalLong.of(1L << 40), RematerializeTest::planned, _ -> {}).apply(large);
        var rounded = IntStream.range(0, boundary)
                .filter(i -> large.nodes().get(i).op() instanceof Op.DotGeneral)
                .filter(i -> users(large, i).allMatch(user -> user.op() instanceof Op.Convert))
                .boxed()
                .toList();
        assertThat(rounded).hasSizeGreaterThan(8);
        var forward = graph.nodes().subList(0, boundary + 1);
        assertThat(rounded).allMatch(i -> users(graph, i).allMatch(forward::contains));
    }

    private static Stream<Node> users(Graph graph, int index) {
        return graph.nodes().stream()
                .filter(node -> node.operands().stream().anyMatch(operand -> operand.node() == index));
    }

    /** How many of the ops that are computed again do not happen in registers of another one's kernel. */
    private static long kernelsAgain(Graph graph) {
        return graph.nodes().stream()
                .filter(Rematerialize::isRecomputed)
                .filter(node -> switch (node.op()) {
                    case Op.LayerNorm _,
                            Op.DotGeneral _,
                            Op.Attention _,
                            Op.Softmax _,
                            Op.Gather _,
                            Op.Pad _,
                            Op.Concat _ -> true;
                    default -> false;
                })
                .count();
    }

    private static long planned(Graph graph) {
        var lowered = InPlace.apply(Lowering.lower(new Fuse().apply(graph)));
        return PlanMemory.plan(Lifetimes.of(lowered), lowered.steps().size()).bytes();
    }

    private static Graph middling() {
        return step(TwoTowers.build(TwoTowers.Sizes.middling()));
    }

    private static Graph step(TwoTowers.Model model) {
        var optimizer = new Optimizer(0.9, 0.98, 1e-6, 0.2, 1.0);
        return new Simplify().apply(TrainStep.build(model.loss(), "loss", model.parameters(), optimizer));
    }

    @Test
    void saysWhatTheLeastIsThatABudgetMustBe() {
        assertThatThrownBy(() -> new Rematerialize("loss", OptionalLong.of(1000), RematerializeTest::planned, _ -> {})
                        .apply(step))
                .isInstanceOf(Rematerialize.BudgetException.class)
                .hasMessageContaining("1000 bytes")
                .hasMessageContaining("model.micro_batch_size");
    }
}
