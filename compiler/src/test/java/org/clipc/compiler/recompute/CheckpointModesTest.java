package org.clipc.compiler.recompute;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Random;
import java.util.TreeMap;
import org.clipc.compiler.pack.ProgramRunner;
import org.clipc.compiler.precision.Precision;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code activations_checkpoint_*} and the memory budget, on the small model with dropout. */
class CheckpointModesTest {

    /** Small enough to interpret. */
    private static final String TINY =
            "vision.hidden_dropout=0.1 vision.attention_dropout=0.2 vision.drop_path_rate=0.2 text.hidden_dropout=0.1"
                    + " text.attention_dropout=0.1";

    /** Wide and long enough for products and attention to be dear, so that their results are kept unless told otherwise. */
    private static final String WIDE =
            TINY + " vision.hidden_size=192 vision.patch_dim=4 text.hidden_size=192 text.encoder_seq_length=64";

    private static final String FULL = " activations_checkpoint_granularity=full";
    private static final String SELECTIVE = " activations_checkpoint_granularity=selective";
    private static final String UNIFORM = " activations_checkpoint_method=uniform";
    private static final String BLOCK = " activations_checkpoint_method=block";
    private static final String TWO = " activations_checkpoint_num_layers=2";
    private static final int LAST = 2;
    private static final String LAYERS = "transformer.resblocks.";

    /** Every mode has the same, of which nothing changes them. */
    private static final Map<Op.Input, Tensor64> INPUTS = new HashMap<>();

    private static Map<String, Tensor64> inputs(Graph graph) {
        var inputs = new TreeMap<String, Tensor64>();
        for (var input : graph.inputs()) {
            inputs.put(input.name(), INPUTS.computeIfAbsent(input, CheckpointModesTest::random));
        }
        inputs.put("lr", Tensor64.scalar(TensorType.f32(), 0.01));
        return inputs;
    }

    private static Tensor64 random(Op.Input input) {
        var random = new Random(input.name().hashCode());
        var tensor = Tensor64.zeros(input.type());
        for (var i = 0; i < tensor.size(); i++) {
            tensor.data()[i] = input.type().dtype() == DType.I32
                    ? random.nextInt(97)
                    : input.name().startsWith("adam.") ? 0 : (float) (0.2 * random.nextGaussian());
        }
        return tensor;
    }

    /** Loss and gradients, then the outputs, parameters and moments of three training steps, by the kernels. */
    private static List<Map<String, Tensor64>> run(Compiled compiled) {
        var results = new ArrayList<Map<String, Tensor64>>();
        try (var runner = new ProgramRunner(compiled.program().program(), "jvm256")) {
            var inputs = inputs(compiled.graph("train_step", "schedule"));
            results.add(runner.run("loss_grad", inputs));
            for (var step = 1; step <= 3; step++) {
                inputs.put("step", Tensor64.scalar(TensorType.f32(), step));
                inputs.put("seed", Tensor64.filled(TensorType.i32(2), step));
                var result = runner.run("train_step", inputs);
                results.add(result);
                result.forEach((name, tensor) -> {
                    if (name.startsWith("next.")) {
                        inputs.put(name.substring("next.".length()), tensor);
                    }
                });
            }
        }
        return results;
    }

    private static final class Plain {

        static final Compiled COMPILED = Compiled.compile(WIDE);
        static final List<Map<String, Tensor64>> RESULTS = run(COMPILED);

        private Plain() {}
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                FULL + UNIFORM,
                FULL + UNIFORM + TWO,
                FULL + BLOCK + TWO,
                SELECTIVE,
                SELECTIVE + BLOCK,
                " vision.activations_checkpoint_granularity=full vision.activations_checkpoint_method=uniform"
            })
    void changesNoBitOfWhatKernelsCompute(String mode) {
        var compiled = Compiled.compile(WIDE + mode);
        assertThat(recomputed(compiled)).isGreaterThan(1.1 * recomputed(Plain.COMPILED));
        assertThat(run(compiled)).isEqualTo(Plain.RESULTS);
    }

    @Test
    void changesNoBitOfWhatKernelsComputeInBf16() {
        var plain = run(Compiled.compile(WIDE, Precision.BF16));
        assertThat(plain.getFirst().get("loss"))
                .isNotEqualTo(Plain.RESULTS.getFirst().get("loss"));
        for (var mode : List.of(FULL + UNIFORM, SELECTIVE)) {
            assertThat(run(Compiled.compile(WIDE + mode, Precision.BF16)))
                    .as(mode)
                    .isEqualTo(plain);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {FULL + UNIFORM, FULL + BLOCK + TWO, SELECTIVE})
    void changesNoBitOfWhatTheGraphMeans(String mode) {
        for (var entry : List.of("loss_grad", "train_step")) {
            var plain = Compiled.plan(TINY).graph(entry, "schedule");
            var graph = Compiled.plan(TINY + mode).graph(entry, "schedule");
            var inputs = inputs(plain);
            inputs.put("step", Tensor64.scalar(TensorType.f32(), 1));
            assertThat(graph).isNotEqualTo(plain);
            assertThat(Interpreter.run(graph, inputs)).isEqualTo(Interpreter.run(plain, inputs));
        }
    }

    private static double recomputed(Compiled compiled) {
        return compiled.recompute().recomputedFlops();
    }

    @ParameterizedTest
    @ValueSource(strings = {" ", SELECTIVE, FULL + BLOCK})
    void aBudgetComesOnTopOfAMode(String mode) {
        var free = Compiled.compile(WIDE + mode, 16, OptionalLong.empty(), false);
        var tight = Compiled.compile(WIDE + mode, 16, OptionalLong.of(free.peak() * 9 / 10), false);
        assertThat(tight.peak()).isLessThan(free.peak() * 92 / 100);
        assertThat(recomputed(tight)).isGreaterThan(recomputed(free));
        var search = Objects.requireNonNull(tight.recompute().search());
        assertThat(search.planned()).isLessThanOrEqualTo(search.budget());
        assertThat(search.leastTime()).isLessThanOrEqualTo(search.time());
    }

    @Test
    void aBudgetChangesNoBitEither() {
        var free = Compiled.compile(WIDE, 8, OptionalLong.empty(), true);
        var tight = Compiled.compile(WIDE, 8, OptionalLong.of(free.peak() * 95 / 100), true);
        assertThat(recomputed(tight)).isGreaterThan(recomputed(free));
        assertThat(run(tight)).isEqualTo(run(free));
    }

    /** What of each tower's layers the backward pass reads as the forward pass left it, other than through other layers. */
    private static List<Value> kept(Graph graph) {
        var boundary = graph.output("loss").value().node();
        return graph.nodes().subList(boundary + 1, graph.nodes().size()).stream()
                .flatMap(node -> node.operands().stream())
                .filter(v -> v.node() <= boundary && !SavedValues.isFree(graph.op(v)))
                .filter(v -> graph.node(v).location().path().contains(LAYERS))
                .distinct()
                .toList();
    }

    private static int layer(Graph graph, Value value) {
        var path = graph.node(value).location().path();
        var rest = path.substring(path.indexOf(LAYERS) + LAYERS.length());
        return Integer.parseInt(rest.contains(".") ? rest.substring(0, rest.indexOf('.')) : rest);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void uniformKeepsTheInputOfEachChunkOnly(int chunk) {
        var graph = Compiled.plan(WIDE + FULL + UNIFORM + " activations_checkpoint_num_layers=" + chunk)
                .graph("loss_grad", "rematerialize");
        assertThat(kept(graph)).allSatisfy(value -> {
            assertThat(graph.node(value).location().path()).matches(".*resblocks\\.\\d");
            assertThat(layer(graph, value)).matches(l -> (l + 1) % chunk == 0 || l == LAST);
        });
        // The input of each chunk but the first. Of the last layer's result, only the pooled rows are computed at all.
        assertThat(kept(graph).stream().filter(v -> graph.type(v).elements() >= 2 * 64 * 192))
                .hasSize(2 * (LAST / chunk));
    }

    @Test
    void blockTreatsTheFirstLayersOnly() {
        var plain = Compiled.plan(WIDE).graph("loss_grad", "rematerialize");
        var graph = Compiled.plan(WIDE + FULL + BLOCK + TWO).graph("loss_grad", "rematerialize");
        assertThat(kept(graph).stream().filter(v -> layer(graph, v) < 2))
                .allSatisfy(v -> assertThat(graph.node(v).location().path()).matches(".*resblocks\\.\\d"));
        assertThat(kept(graph).stream().filter(v -> layer(graph, v) == 2))
                .hasSameSizeAs(
                        kept(plain).stream().filter(v -> layer(plain, v) == 2).toList());
    }

    @Test
    void selectiveRunsTheCoreOfAttentionAgainAndNoOtherProduct() {
        var graph = Compiled.plan(WIDE + SELECTIVE).graph("loss_grad", "rematerialize");
        var again = graph.nodes().stream()
                .filter(n ->
                        Rematerialize.isRecomputed(n) && n.location().path().contains(LAYERS))
                .toList();
        assertThat(again).filteredOn(n -> n.op() instanceof Op.Attention).hasSize(6);
        assertThat(again).filteredOn(n -> n.op() instanceof Op.DotGeneral).isEmpty();
    }

    /** What a region of the source computes is dear to repeat, and yet only what leaves it is kept. */
    @Test
    void regionsOfTheSourceAreObeyed(@TempDir Path folder) throws IOException {
        var source = """
                model M {
                  param a: [512, 512] = normal(0.02)
                  entry loss(x: [B, 512]) -> [] {
                    let entering = x @ a
                    var h = entering
                    REGION {
                      h = tanh(h @ a) @ a
                      h = tanh(h @ a) @ a
                    }
                    return sum(tanh(h @ a))
                  }
                }
                """;
        var file = Files.writeString(folder.resolve("m.clip"), source.replace("REGION", "recompute"));
        var graph = Compiled.plan(file, folder).graph("loss_grad", "rematerialize");
        assertThat(keptOf(graph)).isEqualTo(3);
        assertThat(graph.nodes())
                .filteredOn(Rematerialize::isRecomputed)
                .filteredOn(CheckpointModesTest::isProduct)
                .hasSize(3);

        Files.writeString(file, source.replace("REGION", "if true"));
        var plain = Compiled.plan(file, folder).graph("loss_grad", "rematerialize");
        assertThat(keptOf(plain)).isEqualTo(6);
        assertThat(plain.nodes())
                .filteredOn(Rematerialize::isRecomputed)
                .filteredOn(CheckpointModesTest::isProduct)
                .isEmpty();
    }

    private static boolean isProduct(Node node) {
        return node.op() instanceof Op.DotGeneral;
    }

    /** Number of values of the forward pass that are read behind it. */
    private static long keptOf(Graph graph) {
        var boundary = graph.output("loss").value().node();
        return graph.nodes().subList(boundary + 1, graph.nodes().size()).stream()
                .flatMap(node -> node.operands().stream())
                .filter(v -> v.node() <= boundary)
                .filter(v -> !SavedValues.isFree(graph.op(v)) && !(graph.op(v) instanceof Op.View))
                .distinct()
                .count();
    }
}
