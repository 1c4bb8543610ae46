package org.clipc.ir;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.ir.testing.RandomGraphs;
import org.junit.jupiter.api.Test;

/** That ops are what their interfaces say of them. */
class OpTest {

    private static final int SAMPLES = 20;

    @Test
    void elementwiseOpsDoNotMindTheOrderOfElements() {
        samples(Op.Elementwise.class, sample -> {
            Map<String, Tensor64> reversed = new HashMap<>();
            sample.inputs().forEach((name, x) -> reversed.put(name, reversed(x)));
            assertThat(result(sample.graph(), reversed)).isEqualTo(reversed(result(sample.graph(), sample.inputs())));
        });
    }

    private static Tensor64 reversed(Tensor64 x) {
        return Tensor64.of(
                x.type(),
                IntStream.range(0, x.size())
                        .mapToDouble(i -> x.get(x.size() - 1 - i))
                        .toArray());
    }

    @Test
    void dataMovementMakesNoNumbersButPadding() {
        samples(Op.DataMovement.class, sample -> {
            Set<Double> numbers = new HashSet<>();
            sample.inputs().values().forEach(x -> Arrays.stream(x.data()).forEach(numbers::add));
            if (last(sample.graph()).op() instanceof Op.Pad pad) {
                numbers.add(pad.value());
            }
            assertThat(numbers)
                    .contains(Arrays.stream(
                                    result(sample.graph(), sample.inputs()).data())
                            .boxed()
                            .toArray(Double[]::new));
        });
    }

    @Test
    void viewsAreOfOneTensor() {
        samples(Op.View.class, sample -> {
            assertThat(last(sample.graph()).operands()).hasSize(1);
            assertThat(last(sample.graph()).types()).hasSize(1);
        });
    }

    /** Graphs of one op of a kind each. */
    private static void samples(Class<? extends Op> kind, Consumer<RandomGraphs.Sample> check) {
        var ops = RandomGraphs.ops().stream().filter(kind::isAssignableFrom).toList();
        assertThat(ops).isNotEmpty();
        for (var op : ops) {
            IntStream.range(0, SAMPLES)
                    .mapToObj(seed -> RandomGraphs.applying(op, seed))
                    .forEach(check);
        }
    }

    private static Node last(Graph graph) {
        return graph.nodes().getLast();
    }

    private static Tensor64 result(Graph graph, Map<String, Tensor64> inputs) {
        return Interpreter.run(graph, inputs).values().iterator().next();
    }
}
