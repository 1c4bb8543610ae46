package org.clipc.compiler.recompute;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;

/** Choices and bounds against all choices there are, on graphs small enough to try them. */
class FrontierTest {

    /** Forward values and a backward pass that wants some of them. */
    private record Sample(Graph graph, int boundary, List<Value> values) {

        static Sample random(long seed) {
            var random = new Random(seed);
            var b = new GraphBuilder("sample");
            var values = new ArrayList<Value>();
            var input = b.input("x", InputKind.DATA, TensorType.f32(4, 8));
            var count = 4 + random.nextInt(6);
            for (var i = 0; i < count; i++) {
                var x = values.isEmpty() || random.nextInt(4) == 0 ? input : values.get(random.nextInt(values.size()));
                var width = 4 << random.nextInt(4);
                if (random.nextBoolean()) {
                    values.add(b.unary(random.nextBoolean() ? UnaryFn.NEG : UnaryFn.ERF, x));
                } else {
                    var weight = b.input(
                            "w" + i,
                            InputKind.DATA,
                            TensorType.f32(width, b.shape(x).dim(1)));
                    values.add(b.dot(x, 1, weight, 1));
                }
            }
            var boundary = b.size() - 1;
            for (var value : values) {
                if (random.nextInt(3) > 0 || value.equals(values.getLast())) {
                    b.output("g" + value.node(), b.unary(UnaryFn.ABS, value));
                }
            }
            return new Sample(b.build(), boundary, values);
        }

        private long bytes(Set<Value> saved) {
            return saved.stream().mapToLong(v -> graph.type(v).bytes()).sum();
        }

        /** Time to keep this, and to compute again what the backward pass wants and is not kept. */
        private double nanos(Set<Value> saved) {
            Set<Integer> again = new HashSet<>();
            graph.nodes().subList(boundary + 1, graph.nodes().size()).stream()
                    .flatMap(node -> node.operands().stream())
                    .forEach(v -> run(v, saved, again));
            var times = new KeepTime(graph, boundary);
            return again.stream().mapToDouble(times::again).sum()
                    + saved.stream().mapToDouble(times::keep).sum();
        }

        private void run(Value value, Set<Value> saved, Set<Integer> again) {
            var isGiven = value.node() > boundary || SavedValues.isFree(graph.op(value)) || saved.contains(value);
            if (!isGiven && again.add(value.node())) {
                graph.node(value).operands().forEach(operand -> run(operand, saved, again));
            }
        }

        /** The least time with at most {@code limit} bytes, by trying everything. */
        double leastNanos(long limit) {
            var least = Double.MAX_VALUE;
            for (var set = 0; set < 1 << values.size(); set++) {
                Set<Value> saved = new HashSet<>();
                for (var i = 0; i < values.size(); i++) {
                    if ((set >> i & 1) == 1) {
                        saved.add(values.get(i));
                    }
                }
                if (bytes(saved) <= limit) {
                    least = Math.min(least, nanos(saved));
                }
            }
            return least;
        }
    }

    @Property(tries = 150)
    void noChoiceBeatsTheBound(@ForAll long seed) {
        var sample = Sample.random(seed);
        var values = new SavedValues(sample.graph(), sample.boundary());
        var all = values.choose(1e6);
        var frontier = new Frontier(values, all);
        var random = new Random(seed);
        for (var i = 0; i < 4; i++) {
            var limit = random.nextLong(all.bytes() + 1);
            var choice = frontier.within(limit);
            var least = sample.leastNanos(limit);
            assertThat(frontier.leastNanos(limit)).isLessThanOrEqualTo(least * (1 + 1e-9));
            choice.ifPresent(c -> {
                assertThat(c.bytes()).isLessThanOrEqualTo(limit).isEqualTo(sample.bytes(c.saved()));
                assertThat(c.nanos()).isCloseTo(sample.nanos(c.saved()), within(1e-6 * (1 + c.nanos())));
                assertThat(c.nanos()).isGreaterThanOrEqualTo(least * (1 - 1e-9));
                // Nothing with these bytes, or fewer, takes less: choices on the frontier are the best of their size.
                assertThat(sample.leastNanos(c.bytes())).isCloseTo(c.nanos(), within(0.005 * (1 + c.nanos())));
            });
        }
    }
}
