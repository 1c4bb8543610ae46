package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.ir.testing.Numbers.assertClose;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.train.Optimizer;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.EntryPoint;
import org.clipc.program.Parameter;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.train.TrainStep;
import org.clipc.runtime.weights.ParameterInitializer;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every key that shapes the graph, set in a recipe: it does what it should, and a training step of the compiled program
 * is that of the reference interpreter, dropout and all.
 */
class ModelKeysTest {

    private static final String FIRST_MOMENT = "adam.m.";
    private static final int BATCH = 3;
    private static final int SEED = 7;
    private static final int INITIALISATION = 11;
    private static final double LEARNING_RATE = 1e-3;

    @TempDir
    Path folder = Path.of("");

    /**
     * Each row: what the recipe says below {@code model}, and what it makes of a parameter, of the loss or, where that is too
     * little to see at first, of the graph.
     */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "vision: {class_token_length: 8}          | visual.positional_embedding f32[24,48]",
                "vision: {patch_bias: true}               | visual.conv1.bias f32[48]",
                "vision: {class_token_length: 0, pooling: avg} | visual.class_embedding absent",
                "vision: {global_average_pool: true}      | loss changes",
                "vision: {pooling: map}                   | visual.attn_pool.probe f32[1,48]",
                "vision: {drop_patch_rate: 0.5}           | loss is random",
                "vision: {drop_path_rate: 0.5}            | loss is random",
                "vision: {hidden_dropout: 0.2}            | loss is random",
                "vision: {attention_dropout: 0.2}         | loss is random",
                "vision: {preprocess_layernorm: false}    | visual.ln_pre.weight absent",
                "vision: {hidden_size: 64}                | visual.proj f32[64,32]",
                "vision: {ffn_hidden_size: 100}           | visual.transformer.resblocks.1.mlp.c_fc.weight f32[100,48]",
                "vision: {num_layers: 2}                  | visual.transformer.resblocks.2.ln_1.weight absent",
                "vision: {num_attention_heads: 6}         | loss changes",
                "vision: {kv_channels: 10}                | visual.transformer.resblocks.0.attn.in_proj_weight f32[120,48]",
                "vision: {patch_dim: 16}                  | visual.conv1.weight f32[48,3,16,16]",
                "vision: {img_h: 16, img_w: 40}           | visual.positional_embedding f32[11,48]",
                "vision: {num_channels: 1}                | visual.conv1.weight f32[48,1,8,8]",
                "vision: {activation: approx-gelu}        | loss changes",
                "vision: {activation: gelu_tanh}          | graph changes",
                "vision: {activation: swiglu}             | visual.transformer.resblocks.0.mlp.c_gate.weight f32[192,48]",
                "vision: {normalization: rmsnorm}         | visual.ln_post.bias absent",
                "vision: {layernorm_epsilon: 0.1}         | loss changes",
                "vision: {transformer_block_type: post_ln} | loss changes",
                "vision: {init_method_std: 0.1}           | loss changes",
                "vision: {use_scaled_init_method: false}  | loss changes",
                "vision: {locked: true}                   | visual.proj frozen",
                "text: {hidden_dropout: 0.2}              | loss is random",
                "text: {attention_dropout: 0.2}           | loss is random",
                "text: {drop_path_rate: 0.5}              | loss is random",
                "text: {hidden_size: 32}                  | text_projection f32[32,32]",
                "text: {ffn_hidden_size: 60}              | transformer.resblocks.2.mlp.c_proj.weight f32[40,60]",
                "text: {num_layers: 1}                    | transformer.resblocks.1.ln_1.weight absent",
                "text: {num_attention_heads: 8}           | loss changes",
                "text: {vocab_size: 120}                  | token_embedding.weight f32[120,40]",
                "text: {encoder_seq_length: 9, max_position_embeddings: 12} | positional_embedding f32[12,40]",
                "text: {activation: quick_gelu}           | loss changes",
                "text: {causal: false}                    | loss changes",
                "text: {pooling: first}                   | loss changes",
                "text: {pooling: last}                    | loss changes",
                "text: {projection_bias: true}            | text_projection.bias f32[32]",
                "output_dim: 24                           | visual.proj f32[48,24]",
                "objective: sigmoid                       | logit_bias f32[]",
            })
    void worksInATrainingStep(String keys, String effect) throws IOException {
        var program = folder.resolve("keys.bin");
        var recipe = Files.writeString(
                folder.resolve("keys.yaml"),
                Files.readString(Golden.graphs().resolveSibling("configs/tiny.yaml"))
                        .replaceFirst("(?m)^model:$", "model:\n  " + keys));
        // Vectors of 128 bits are there on every machine.
        Commands.compile("tiny", program, "--config", recipe, "--batch", BATCH, "--target", "jvm128")
                .succeeds();
        var random = effect.equals("loss is random");
        try (var file = ProgramFile.open(program);
                var device = new JvmDevice(2);
                var loaded = device.load(file, List.of(EntryPoint.LOSS, EntryPoint.TRAIN_STEP))) {
            ParameterInitializer.initialize(loaded, INITIALISATION);
            checkParameters(file.manifest().parameters(), effect);
            if (effect.startsWith("loss")) {
                var loss = loss(loaded, EntryPoint.LOSS, batch(file));
                // What is random in training changes nothing outside of it; the others may change little at first.
                if (random) {
                    assertThat(loss).isCloseTo(plainLoss(), within(1e-6));
                } else {
                    assertThat(loss).isNotEqualTo(plainLoss());
                }
            }
            if (effect.startsWith("graph")) {
                assertThat(file.graph(EntryPoint.LOSS)).isNotEqualTo(plainGraph());
            }
            var step = step(file, keys);
            var batch = batch(file);
            var first = run(loaded, step, batch, SEED);
            if (random) {
                ParameterInitializer.initialize(loaded, INITIALISATION);
                loaded.clearState();
                assertThat(run(loaded, step, batch, SEED + 1)).isNotEqualTo(first);
            }
        }
    }

    private static void checkParameters(List<Parameter> parameters, String effect) {
        var words = effect.split(" ", -1);
        var found = parameters.stream().filter(p -> p.name().equals(words[0])).findFirst();
        switch (words[1]) {
            case "changes", "is" -> {}
            case "absent" -> assertThat(found).isEmpty();
            case "frozen" -> assertThat(found.orElseThrow().trainable()).isFalse();
            default -> assertThat(found.orElseThrow().type()).hasToString(words[1]);
        }
    }

    private static String plainGraph() throws IOException {
        try (var file = ProgramFile.open(Commands.tiny("--batch", String.valueOf(BATCH)))) {
            return file.graph(EntryPoint.LOSS);
        }
    }

    private static double plainLoss() throws IOException {
        try (var file = ProgramFile.open(Commands.tiny("--batch", String.valueOf(BATCH)));
                var device = new JvmDevice(2);
                var loaded = device.load(file, List.of(EntryPoint.LOSS))) {
            ParameterInitializer.initialize(loaded, INITIALISATION);
            return loss(loaded, EntryPoint.LOSS, batch(file));
        }
    }

    private static double loss(DeviceProgram program, String entry, Map<String, HostTensor> inputs) {
        return Objects.requireNonNull(program.run(entry, inputs).get("loss")).getDouble(0);
    }

    /** The training step as the model means it, before any pass. */
    private static Graph step(ProgramFile file, String keys) {
        var model = ModelSource.of(Golden.tiny(settings(keys)));
        assertThat(model.parameters().stream().map(Parameter::name))
                .containsExactlyElementsOf(file.manifest().parameters().stream()
                        .map(Parameter::name)
                        .toList());
        return org.clipc.compiler.train.TrainStep.build(
                model.entry(EntryPoint.LOSS, BATCH, true),
                "loss",
                model.parameters(),
                new Optimizer(0.9, 0.98, 1e-6, 0.2, 1.0));
    }

    /** {@code vision: {hidden_size: 64}} as keys and values. */
    private static Object[] settings(String keys) {
        var group = keys.contains("{") ? keys.substring(0, keys.indexOf(':')) + "." : "";
        var inside = keys.replaceAll("^\\w+: \\{|}$", "");
        return Arrays.stream(inside.split(", ", -1))
                .map(pair -> pair.split(": ", 2))
                .flatMap(pair -> Stream.of(group + pair[0], value(pair[1])))
                .toArray();
    }

    private static Object value(String text) {
        if (text.matches("\\d+")) {
            return Long.valueOf(text);
        }
        return text.matches("[\\d.]+")
                ? (Object) Double.valueOf(text)
                : text.matches("true|false") ? (Object) Boolean.valueOf(text) : text;
    }

    /** Images and captions that end where the largest id is. */
    private static Map<String, HostTensor> batch(ProgramFile file) {
        var random = new Random(3);
        var batch = new LinkedHashMap<String, HostTensor>();
        for (var slot : file.manifest().entry(EntryPoint.LOSS).inputs()) {
            var shape = slot.type().shape().dims().stream().mapToLong(d -> d).toArray();
            var count = Math.toIntExact(slot.type().elements());
            if (slot.type().dtype().isFloat()) {
                var pixels = new float[count];
                for (var i = 0; i < count; i++) {
                    pixels[i] = (float) random.nextGaussian();
                }
                batch.put(slot.name(), HostTensor.of(pixels, shape));
            } else {
                var tokens = random.ints(count, 0, 96).toArray();
                for (var row = 0; row < BATCH; row++) {
                    tokens[row * count / BATCH + 3 + row] = 96;
                }
                batch.put(slot.name(), HostTensor.of(tokens, shape));
            }
        }
        return batch;
    }

    /** Takes the step on the device and in the interpreter, compares what they give, and returns the loss. */
    private static double run(DeviceProgram program, Graph step, Map<String, HostTensor> batch, int seed) {
        var inputs = new HashMap<String, Tensor64>();
        for (Op.Input input : step.inputs()) {
            inputs.put(
                    input.name(),
                    switch (input.name()) {
                        case "lr" -> Tensor64.scalar(input.type(), LEARNING_RATE);
                        case "step" -> Tensor64.scalar(input.type(), 1);
                        case "seed" -> Tensor64.of(input.type(), seed, 1);
                        default -> {
                            var given = batch.get(input.name());
                            yield Golden.tensor(given == null ? program.read(input.name()) : given);
                        }
                    });
        }
        var expected = Interpreter.run(step, inputs);
        var outcome = new TrainStep(program, seed).take(1, LEARNING_RATE, batch);
        var loss = Objects.requireNonNull(expected.get("loss")).get(0);
        assertThat(outcome.loss()).isCloseTo(loss, within(1e-5 * Math.abs(loss)));
        var norm = Objects.requireNonNull(expected.get("grad_norm")).get(0);
        assertThat(outcome.gradNorm()).isCloseTo(norm, within(1e-4 * norm));
        // After one step the first moments are the clipped gradients, but for a factor.
        for (var slot : program.manifest().state()) {
            var wanted = expected.get("next." + slot.name());
            if (wanted != null && slot.name().startsWith(FIRST_MOMENT)) {
                var largest = Arrays.stream(wanted.data()).map(Math::abs).max().orElse(0);
                var actual = Golden.tensor(program.read(slot.name()));
                assertClose(slot.name(), actual.data(), wanted.data(), 1e-4 * largest + 1e-9);
            }
        }
        return outcome.loss();
    }
}
