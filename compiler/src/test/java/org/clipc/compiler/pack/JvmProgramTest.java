package org.clipc.compiler.pack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.lower.RandomGraphs;
import org.clipc.compiler.lower.Tensors;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.compiler.train.TwoTowers;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Scalars;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole programs on the JVM target against the reference interpreter. */
class JvmProgramTest {

    private static CompileOptions options(boolean training, Target... targets) {
        return CompileOptions.builder(List.of(targets))
                .batch(3)
                .training(training)
                .optimizer(new Optimizer(0.9, 0.98, 1e-6, 0.2, 0.05))
                .verifyEach(true)
                .build();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1000, 2000})
    void randomGraphsRunAsTheyAreMeant(long firstSeed) {
        var graphs = new LinkedHashMap<String, Graph>();
        for (var seed = firstSeed; seed < firstSeed + 25; seed++) {
            var graph = RandomGraphs.smooth(seed, 10 + (int) (seed % 40));
            graphs.put(graph.name(), graph);
        }
        var program = ProgramBuilder.build(new Graphs(graphs), options(false, new JvmTarget(256)))
                .program();
        try (var runner = new ProgramRunner(program, "jvm256")) {
            graphs.forEach((name, graph) -> {
                var inputs = RandomGraphs.inputs(graph, name.hashCode());
                var expected = new HashMap<>(Interpreter.run(graph, inputs));
                var actual =
                        runner.run(name, complete(inputs, program.manifest().parameters()));
                actual.keySet().retainAll(expected.keySet());
                Tensors.assertClose(name, expected, actual, 2e-4);
            });
        }
    }

    private static Map<String, Tensor64> complete(Map<String, Tensor64> inputs, List<Parameter> parameters) {
        var all = new HashMap<>(inputs);
        parameters.forEach(p -> all.putIfAbsent(p.name(), Tensor64.zeros(p.type())));
        return all;
    }

    /** Seen as its operand, what ranks replicate would be read where its parameter's new value stands already. */
    @Test
    void whatRanksReplicateIsTheOperandOfBeforeItsUpdate() {
        var type = TensorType.f32(4);
        var b = new GraphBuilder("loss");
        var p = b.input("p", InputKind.PARAMETER, type);
        var x = b.input("x", InputKind.DATA, type);
        var y = b.input("y", InputKind.DATA, type);
        var replicated = b.add(new Op.Replicate(MeshAxis.DATA), p);
        b.output(new Output("next.p", b.add(p, x), "p"));
        b.output("z", b.mul(replicated, y));
        var graph = b.build();
        var program = ProgramBuilder.build(new OneGraph(graph), options(false, new JvmTarget(256)))
                .program();
        var inputs =
                Map.of("p", Tensor64.filled(type, 1), "x", Tensor64.filled(type, 3), "y", Tensor64.filled(type, 5));
        try (var runner = new ProgramRunner(program, "jvm256")) {
            Tensors.assertSame("replicated", Interpreter.run(graph, inputs), runner.run("loss", inputs));
        }
    }

    /** In the mode whose optimizer has masters, a computed bias is f32 beside a gain that is stored in bf16. */
    @Test
    void aLayerNormReadsGainAndBiasEachInItsType() {
        var ofX = TensorType.f32(1, 8);
        var ofBias = TensorType.f32(8);
        var ofGain = ofBias.withDtype(DType.BF16);
        var b = new GraphBuilder("loss");
        var x = b.input("x", InputKind.DATA, ofX);
        var gain = b.input("gain", InputKind.DATA, ofGain);
        var bias = b.input("bias", InputKind.DATA, ofBias);
        b.output("y", b.addAll(new Op.LayerNorm(1e-3), List.of(x, gain, bias)).getFirst());
        var graph = b.build();
        var program = ProgramBuilder.build(new OneGraph(graph), options(false, new JvmTarget(256)))
                .program();
        var inputs = Map.of(
                "x", Tensor64.of(ofX, 1, 2, 3, 4, 5, 6, 7, 8),
                "gain", Tensor64.filled(ofGain, 1.5),
                "bias", Tensor64.filled(ofBias, 0.25));
        try (var runner = new ProgramRunner(program, "jvm256")) {
            Tensors.assertClose("normalised", Interpreter.run(graph, inputs), runner.run("loss", inputs), 1e-5);
        }
    }

    @Test
    void aTrainingStepDoesWhatTheGraphSays() {
        var model = TwoTowers.build(TwoTowers.Sizes.tiny(0.2));
        var options = options(true, new JvmTarget(128), new JvmTarget(256));
        var program = ProgramBuilder.build(new LossOnly(model), options).program();
        var step = TrainStep.build(model.loss(), "loss", model.parameters(), options.optimizer());
        var inputs = new TreeMap<>(model.inputs(step, 11));
        inputs.put("lr", Tensor64.scalar(TensorType.f32(), 0.01));
        inputs.put("step", Tensor64.scalar(TensorType.f32(), 3));
        var expected = Interpreter.run(step, inputs);
        for (var target : List.of("jvm128", "jvm256")) {
            try (var runner = new ProgramRunner(program, target)) {
                Tensors.assertClose(target, expected, runner.run("train_step", inputs), 1e-4);
                Tensors.assertClose(
                        target,
                        Map.of("loss", expected.get("loss")),
                        Map.of("loss", runner.run("loss", inputs).get("loss")),
                        1e-4);
                var broken = new TreeMap<>(inputs);
                broken.put("logit_scale", Tensor64.filled(TensorType.f32(), Double.NaN));
                var unchanged = runner.run("train_step", broken);
                assertThat(unchanged).containsEntry("skipped", Tensor64.scalar(TensorType.f32(), 1));
                assertThat(unchanged.get("next.visual.proj")).isEqualTo(inputs.get("visual.proj"));
                assertThat(unchanged.get("next.adam.m.visual.proj")).isEqualTo(inputs.get("adam.m.visual.proj"));
            }
        }
    }

    /**
     * Roundings stand in the graph, so the interpreter makes the same, but for numbers so near the middle between two that
     * f32 and float64 fall on different sides.
     */
    @ParameterizedTest
    @EnumSource(
            value = Precision.class,
            names = {"BF16", "BF16_O2"})
    void aTrainingStepInBf16DoesWhatTheGraphSays(Precision precision) {
        var model = TwoTowers.build(TwoTowers.Sizes.tiny(0.2));
        var graphs = new HashMap<String, Graph>();
        var options = CompileOptions.builder(List.of(new JvmTarget(256)))
                .batch(3)
                .training(new Optimizer(0.9, 0.98, 1e-6, 0.2, 0.05))
                .precision(precision)
                .verifyEach(true)
                .observer((entry, _, graph) -> graphs.put(entry, graph))
                .build();
        var program = ProgramBuilder.build(new LossOnly(model), options).program();
        try (var runner = new ProgramRunner(program, "jvm256")) {
            for (var entry : List.of("loss_grad", "train_step")) {
                var graph = Objects.requireNonNull(graphs.get(entry));
                assertThat(graph.nodes()).anyMatch(node -> node.type().dtype() == DType.BF16);
                var differences = LongStream.range(0, 8)
                        .mapToDouble(seed -> difference(runner, entry, graph, inputs(model, graph, seed)))
                        .sorted()
                        .toArray();
                // Half of them meet no such number.
                assertThat(differences[3]).as(entry).isLessThan(1e-5);
                assertThat(differences[7]).as(entry).isLessThan(0.2);
            }
        }
    }

    private static Map<String, Tensor64> inputs(TwoTowers.Model model, Graph graph, long seed) {
        var inputs = new TreeMap<>(model.inputs(graph, seed));
        inputs.replaceAll((_, tensor) ->
                tensor.map(tensor.type(), x -> Scalars.round(tensor.type().dtype(), x)));
        inputs.put("lr", Tensor64.scalar(TensorType.f32(), 0.01));
        inputs.put("step", Tensor64.scalar(TensorType.f32(), 3));
        return inputs;
    }

    /** The most that a number differs by from what it should be, as a part of the largest of its tensor. */
    private static double difference(ProgramRunner runner, String entry, Graph graph, Map<String, Tensor64> inputs) {
        var expected = Interpreter.run(graph, inputs);
        var actual = runner.run(entry, inputs);
        var most = 0.0;
        for (var name : expected.keySet()) {
            var x = Objects.requireNonNull(expected.get(name));
            var y = Objects.requireNonNull(actual.get(name), name);
            assertThat(y.type()).as(name).isEqualTo(x.type());
            var largest = Arrays.stream(x.data()).map(Math::abs).max().orElse(0);
            for (var i = 0; i < x.size(); i++) {
                most = Math.max(most, Math.abs(y.get(i) - x.get(i)) / Math.max(largest, 1e-3));
            }
        }
        return most;
    }

    /** Graphs as entry points of one model. */
    private record Graphs(Map<String, Graph> graphs) implements ModelSource {

        @Override
        public String name() {
            return "graphs";
        }

        @Override
        public List<Parameter> parameters() {
            return graphs.values().stream()
                    .flatMap(g -> g.inputs().stream())
                    .filter(input -> input.kind() == InputKind.PARAMETER)
                    .map(input -> new Parameter(
                            input.name(),
                            input.type(),
                            new Parameter.Initializer(Parameter.Kind.ZEROS, 0, 0),
                            false,
                            true,
                            null,
                            -1,
                            0))
                    .toList();
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
}
