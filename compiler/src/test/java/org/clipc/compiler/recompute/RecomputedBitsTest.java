package org.clipc.compiler.recompute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.pack.ProgramRunner;
import org.clipc.compiler.pass.Simplify;
import org.clipc.ir.Comparison;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is computed again is fused differently than what it repeats, and so is what reads it. No bit may change: over
 * random networks with rows long enough for vectors, through the kernels.
 */
class RecomputedBitsTest {

    private static final double[] PRICES = {1e9, 1, 0.05, 1e-6};

    /** A random network over matrices, with a scalar loss. */
    private static final class Net {

        private static final int[] WIDTHS = {20, 72, 150, 1100};

        private final Random random;
        private final GraphBuilder b;
        private final List<Value> values = new ArrayList<>();
        private final Value seed;
        private final int rows;
        private int streams;

        Net(long number) {
            random = new Random(number);
            b = new GraphBuilder("net" + number);
            seed = b.input("seed", InputKind.SCALAR, TensorType.i32(2));
            rows = 3 + random.nextInt(14);
            for (var i = 0; i < 2; i++) {
                values.add(input(rows, pick(WIDTHS)));
            }
        }

        Graph build() {
            while (values.size() < 20) {
                values.add(step());
            }
            var loss = b.constant(TensorType.f32(), 0);
            for (var value : values.subList(values.size() - 3, values.size())) {
                loss = b.add(loss, b.mul(b.sum(b.mul(value, value), List.of(0, 1)), 0.5));
            }
            b.output("loss", loss);
            return Autodiff.gradients(
                    b.build(), "loss", input -> input.type().dtype().isFloat());
        }

        private Value input(int... dims) {
            return b.input("x" + b.size(), InputKind.DATA, TensorType.f32(dims));
        }

        private int pick(int[] from) {
            return from[random.nextInt(from.length)];
        }

        private Value any() {
            // Rather young values: deep networks.
            var first = random.nextInt(values.size());
            return values.get(first + random.nextInt(values.size() - first));
        }

        private Value step() {
            var x = any();
            var width = b.shape(x).dim(1);
            return switch (random.nextInt(10)) {
                case 0, 1 -> {
                    var out = pick(WIDTHS);
                    var y = b.mul(b.dot(x, 1, input(out, width), 1), 1 / Math.sqrt(width));
                    var bias = b.broadcast(input(out), b.shape(y), List.of(1));
                    yield random.nextBoolean() ? y : b.add(y, bias);
                }
                case 2 ->
                    b.unary(List.of(UnaryFn.TANH, UnaryFn.SIGMOID, UnaryFn.ERF).get(random.nextInt(3)), x);
                case 3 -> b.mul(x, b.unary(UnaryFn.SIGMOID, b.mul(x, 1.702)));
                case 4 -> {
                    var other = values.stream()
                            .filter(v -> b.shape(v).equals(b.shape(x)))
                            .toList();
                    yield b.add(x, b.mul(other.get(random.nextInt(other.size())), 0.5));
                }
                case 5 ->
                    b.addAll(new Op.LayerNorm(1e-5), List.of(x, input(width), input(width)))
                            .getFirst();
                case 6 -> {
                    var gated = random.nextBoolean() ? x : b.unary(UnaryFn.TANH, x);
                    var squares = b.add(new Op.Reduce(ReduceFn.SUM, List.of(1)), b.mul(gated, gated));
                    var norm = b.unary(UnaryFn.RSQRT, b.add(squares, b.constantLike(squares, 1)));
                    yield b.mul(x, b.broadcast(norm, b.shape(x), List.of(0)));
                }
                case 7 -> {
                    var u = b.add(new Op.Uniform(b.shape(x), streams++), seed);
                    var kept = b.compare(Comparison.GE, u, b.constantLike(u, 0.3));
                    yield b.select(kept, b.mul(x, 1 / 0.7), b.constantLike(x, 0));
                }
                case 8 -> b.add(new Op.Softmax(), x);
                default -> {
                    // Scores of rows against rows, and back: a transposed operand.
                    var scores = b.unary(UnaryFn.TANH, b.mul(b.dot(x, 1, any(width), 1), 0.1));
                    yield b.mul(b.dot(b.transpose(scores, List.of(1, 0)), 1, any(), 0), 0.3);
                }
            };
        }

        private Value any(int width) {
            var fitting =
                    values.stream().filter(v -> b.shape(v).dim(1) == width).toList();
            return fitting.get(random.nextInt(fitting.size()));
        }
    }

    private record Graphs(Map<String, Graph> graphs) implements ModelSource {

        @Override
        public String name() {
            return "nets";
        }

        @Override
        public List<Parameter> parameters() {
            return List.of();
        }

        @Override
        public List<String> entryNames() {
            return List.copyOf(graphs.keySet());
        }

        @Override
        public Graph entry(String name, int batch, boolean training) {
            return Objects.requireNonNull(graphs.get(name));
        }
    }

    private static Map<String, Tensor64> inputs(Graph graph) {
        var inputs = new HashMap<String, Tensor64>();
        for (var input : graph.inputs()) {
            var random = new Random(input.name().hashCode());
            var tensor = Tensor64.zeros(input.type());
            for (var i = 0; i < tensor.size(); i++) {
                tensor.data()[i] = input.type().dtype().isFloat() ? (float) random.nextGaussian() : random.nextInt();
            }
            inputs.put(input.name(), tensor);
        }
        return inputs;
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1000, 2000, 3000})
    void noBitChanges(long firstSeed) {
        var graphs = new LinkedHashMap<String, Graph>();
        for (var seed = firstSeed; seed < firstSeed + 12; seed++) {
            var graph = new Simplify().apply(new Net(seed).build());
            var boundary = graph.output("loss").value().node();
            for (var price : PRICES) {
                var saved = new SavedValues(graph, boundary).choose(price).saved();
                graphs.put(graph.name() + "/" + price, Recomputation.apply(graph, boundary, saved));
            }
        }
        var options = CompileOptions.builder(List.of(new JvmTarget(256))).build();
        var program = ProgramBuilder.build(new Graphs(graphs), options).program();
        try (var runner = new ProgramRunner(program, "jvm256")) {
            for (var name : graphs.keySet()) {
                var net = name.substring(0, name.indexOf('/') + 1);
                var graph = Objects.requireNonNull(graphs.get(name));
                var inputs = inputs(graph);
                assertThat(runner.run(name, inputs)).as(name).isEqualTo(runner.run(net + PRICES[0], inputs));
            }
        }
    }
}
