package org.clipc.compiler.elaborate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every option of the towers, on the tiny model. */
class StandardLibraryTest {
    private static Object[] settings(String text) {
        List<Object> all = new ArrayList<>();
        for (String pair : text.isEmpty() ? new String[0] : text.split(" ")) {
            String key = pair.substring(0, pair.indexOf('='));
            String value = pair.substring(pair.indexOf('=') + 1);
            Object parsed = value.matches("\\d+")
                    ? (Object) Long.valueOf(value)
                    : value.matches("[\\d.]+")
                            ? (Object) Double.valueOf(value)
                            : value.matches("true|false") ? (Object) Boolean.valueOf(value) : value;
            all.add(key);
            all.add(parsed);
        }
        return all.toArray();
    }

    /** Random parameters and inputs of a graph; token ids are below 97. */
    private static Map<String, Tensor64> inputs(Graph graph) {
        var random = new Random(7);
        Map<String, Tensor64> inputs = new LinkedHashMap<>();
        for (Op.Input input : graph.inputs()) {
            Tensor64 tensor = Tensor64.zeros(input.type());
            for (int i = 0; i < tensor.size(); i++) {
                tensor.data()[i] = input.type().dtype().isFloat() ? random.nextGaussian() * 0.3 : random.nextInt(97);
            }
            inputs.put(input.name(), tensor);
        }
        return inputs;
    }

    private static Tensor64 run(ElaboratedModel model, String entry, boolean training) {
        Graph graph = Verifier.check(model.entry(entry, 3, training));
        return output(graph, inputs(graph));
    }

    /** What the only output of a graph is. */
    private static Tensor64 output(Graph graph, Map<String, Tensor64> inputs) {
        return Objects.requireNonNull(
                Interpreter.run(graph, inputs).get(graph.outputs().getFirst().name()));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "vision.class_token_length=8",
                "vision.class_token_length=0 vision.pooling=avg",
                "vision.class_token_length=0 vision.pooling=map",
                "vision.pooling=map vision.projection=false output_dim=48",
                "vision.global_average_pool=true",
                "vision.preprocess_layernorm=false",
                "vision.img_h=16 vision.img_w=40",
                "vision.activation=gelu_tanh text.activation=approx-gelu",
                "vision.activation=swiglu text.activation=silu",
                "vision.normalization=rmsnorm text.normalization=rmsnorm",
                "vision.transformer_block_type=post_ln text.transformer_block_type=post_ln",
                "vision.kv_channels=10 text.kv_channels=3",
                "vision.num_layers=1 vision.drop_path_rate=0.5",
                "text.causal=false text.pooling=last text.projection_bias=true",
                "text.pooling=first text.use_scaled_init_method=false",
                "text.encoder_seq_length=9 text.max_position_embeddings=16",
                "objective=sigmoid",
                "activations_checkpoint_granularity=full activations_checkpoint_method=uniform",
                "vision.activations_checkpoint_granularity=selective text.activations_checkpoint_granularity=full"
                        + " text.activations_checkpoint_method=block text.activations_checkpoint_num_layers=2",
            })
    void options(String text) {
        ElaboratedModel model = Repository.load("tiny", settings(text));
        for (String entry : model.entryNames()) {
            assertThat(Arrays.stream(run(model, entry, true).data())).allMatch(Double::isFinite);
        }
        Tensor64 features = run(model, "encode_image", false);
        double length = 0;
        for (int i = 0; i < features.shape().dim(1); i++) {
            length += Math.pow(features.get(i), 2);
        }
        assertThat(length).isCloseTo(1, within(1e-9));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vision.hidden_dropout=0.3",
                "vision.attention_dropout=0.3",
                "vision.drop_path_rate=0.7",
                "vision.drop_patch_rate=0.5",
                "text.hidden_dropout=0.3",
                "text.attention_dropout=0.3",
            })
    void randomnessActsInTrainingOnly(String text) {
        ElaboratedModel plain = Repository.load("tiny");
        ElaboratedModel random = Repository.load("tiny", settings(text));
        assertThat(run(random, "loss", false)).isEqualTo(run(plain, "loss", false));
        assertThat(run(random, "loss", true)).isNotEqualTo(run(plain, "loss", true));
        assertThat(run(random, "loss", true)).isEqualTo(run(random, "loss", true));
    }

    /** A key beside the towers is for both; a tower's own goes before it, and an empty one leaves it as it is. */
    @Test
    void checkpointsAreSetForBothTowersOrForOne() {
        ElaboratedModel model = Repository.load(
                "tiny",
                "activations_checkpoint_granularity",
                "full",
                "activations_checkpoint_method",
                "uniform",
                "text.activations_checkpoint_method",
                "block",
                "vision.activations_checkpoint_method",
                null);
        assertThat(model.config().get("vision"))
                .asInstanceOf(InstanceOfAssertFactories.MAP)
                .containsEntry("activations_checkpoint_granularity", "full")
                .containsEntry("activations_checkpoint_method", "uniform");
        assertThat(model.config().get("text"))
                .asInstanceOf(InstanceOfAssertFactories.MAP)
                .containsEntry("activations_checkpoint_granularity", "full")
                .containsEntry("activations_checkpoint_method", "block");
    }

    @Test
    void shorterCaptionsGiveTheSameFeatures() {
        ElaboratedModel full = Repository.load("tiny");
        ElaboratedModel brief =
                Repository.load("tiny", settings("text.encoder_seq_length=9 text.max_position_embeddings=16"));
        Graph graph = full.entry("encode_text", 3, false);
        Map<String, Tensor64> inputs = inputs(graph);
        Tensor64 tokens = Objects.requireNonNull(inputs.get("tokens"));
        Tensor64 shorter = Tensor64.zeros(tokens.type().withShape(tokens.shape().with(1, 9)));
        for (int row = 0; row < 3; row++) {
            tokens.data()[row * 16 + 4 + row] = 96;
            for (int i = 0; i < 16; i++) {
                double id = Math.min(tokens.get(row * 16 + i), i == 4 + row ? 96 : 95);
                tokens.data()[row * 16 + i] = id;
                if (i < 9) {
                    shorter.data()[row * 9 + i] = id;
                }
            }
        }
        Tensor64 expected = output(graph, inputs);
        inputs.put("tokens", shorter);
        Tensor64 actual = output(brief.entry("encode_text", 3, false), inputs);
        assertThat(actual.data()).containsExactly(expected.data(), within(1e-12));
    }

    @Test
    void lockedTowersAreNotTrained() {
        ElaboratedModel model = Repository.load("tiny", settings("vision.locked=true"));
        assertThat(model.parameters()).allMatch(p -> p.trainable() != p.name().startsWith("visual."));
    }

    @Test
    void weightDecayFollowsOpenClip() {
        assertThat(Repository.load("tiny").parameters().stream()
                        .filter(ModelParameter::decay)
                        .map(p -> p.name().replaceAll("\\d", "N"))
                        .distinct())
                .containsExactly(
                        "visual.convN.weight",
                        "visual.positional_embedding",
                        "visual.transformer.resblocks.N.attn.in_proj_weight",
                        "visual.transformer.resblocks.N.attn.out_proj.weight",
                        "visual.transformer.resblocks.N.mlp.c_fc.weight",
                        "visual.transformer.resblocks.N.mlp.c_proj.weight",
                        "visual.proj",
                        "token_embedding.weight",
                        "positional_embedding",
                        "transformer.resblocks.N.attn.in_proj_weight",
                        "transformer.resblocks.N.attn.out_proj.weight",
                        "transformer.resblocks.N.mlp.c_fc.weight",
                        "transformer.resblocks.N.mlp.c_proj.weight",
                        "text_projection");
    }

    @Test
    void mistakesInRecipesAreExplained() {
        assertThat(problems("vision.patch_dim=7")).contains("32 is not divisible by 7");
        assertThat(problems("vision.encoder_seq_length=12")).contains("encoder_seq_length is the number of patches");
        assertThat(problems("vision.class_token_length=0")).contains("there is no class token to pool");
        assertThat(problems("text.encoder_seq_length=20 text.max_position_embeddings=16"))
                .contains("encoder_seq_length is more than max_position_embeddings");
        assertThat(problems("vision.num_attention_heads=5")).contains("48 is not divisible by 5");
        assertThat(problems("vision.hidden_sze=64")).contains("did you mean 'model.vision.hidden_size'?");
        assertThat(problems("activations_checkpoint_granularity=full"))
                .contains("'full' needs activations_checkpoint_method: uniform or block");
        assertThat(problems("vision.activations_checkpoint_method=block"))
                .contains("activations_checkpoint_method needs activations_checkpoint_granularity");
        assertThat(problems("activations_checkpoint_granularity=selective activations_checkpoint_num_layers=2"))
                .contains("activations_checkpoint_num_layers needs activations_checkpoint_method");
        assertThat(problems("activations_checkpoint_granularity=full activations_checkpoint_method=uniform"
                        + " text.activations_checkpoint_num_layers=0"))
                .contains("activations_checkpoint_num_layers must be at least 1");
        assertThat(problems("text.activations_checkpoint_granularity=some"))
                .contains("model.text.activations_checkpoint_granularity must be one of");
        assertThat(problems("activations_checkpoint_methd=uniform")).contains("did you mean");
        assertThat(problems("vision.activation=relu")).contains("must be one of \"gelu\"");
    }

    private static String problems(String text) {
        return Elaborator.load(
                        Repository.graphs().resolve("tiny.clip"),
                        Repository.graphs(),
                        Repository.settings(settings(text)))
                .diagnostics()
                .toString();
    }
}
