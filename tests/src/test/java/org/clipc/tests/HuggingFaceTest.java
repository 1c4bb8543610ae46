package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.tests.Commands.clipRun;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import org.clipc.ir.interp.Tensor64;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.tensor.SafetensorsWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights under the names of transformers' models: they are loaded, and written, and give transformers' numbers. */
class HuggingFaceTest {

    private static final double FEATURES = 1e-6;

    private static final String[] SERVING = {"--batch", "6", "--no-training"};
    private static final List<String> SIGLIP = List.of(
            "model.output_dim=32",
            "model.objective=sigmoid",
            "model.vision.hidden_size=32",
            "model.vision.class_token_length=0",
            "model.vision.patch_bias=true",
            "model.vision.preprocess_layernorm=false",
            "model.vision.pooling=map",
            "model.vision.projection=false",
            "model.vision.activation=gelu_tanh",
            "model.vision.layernorm_epsilon=1e-6",
            "model.text.hidden_size=32",
            "model.text.ffn_hidden_size=96",
            "model.text.causal=false",
            "model.text.pooling=last",
            "model.text.projection_bias=true",
            "model.text.activation=gelu_tanh",
            "model.text.layernorm_epsilon=1e-6");

    @TempDir
    Path folder = Path.of("");

    /** The tiny model with two layers in each tower. */
    private static Path shallow(List<String> overrides) {
        var words = new ArrayList<>(List.of(SERVING));
        words.addAll(List.of("model.vision.num_layers=2", "model.text.num_layers=2"));
        words.addAll(overrides);
        return Commands.tiny(words.toArray(String[]::new));
    }

    private static Path shallow() {
        return shallow(List.of());
    }

    private Commands.Result embed(Path program, Path weights, String tower, Path out) {
        return clipRun(
                "run",
                "--graph",
                program,
                "--entry",
                "encode_" + tower,
                "--weights",
                weights,
                "--inputs",
                Golden.file("batch"),
                "--out",
                out);
    }

    /** Features of the golden batch's images and captions. */
    private Map<String, Tensor64> features(Path program, Path weights) {
        var features = new TreeMap<String, Tensor64>();
        for (var tower : List.of("image", "text")) {
            var out = folder.resolve(tower + ".safetensors");
            embed(program, weights, tower, out).succeeds();
            features.putAll(Golden.read(out));
        }
        return features;
    }

    private static double[] get(Map<String, Tensor64> tensors, String name) {
        return Objects.requireNonNull(tensors.get(name), name).data();
    }

    private Commands.Result export(Path program, Path weights, String format, Path out) {
        return clipRun("export", "--graph", program, "--weights", weights, "--format", format, "--out", out);
    }

    private void agree(Path program, String weights, String golden) {
        var expected = Golden.read(golden + ".f64");
        var actual = features(program, Golden.file(weights));
        for (var name : List.of("image_features", "text_features")) {
            assertThat(get(actual, name)).as(name).containsExactly(get(expected, name), within(FEATURES));
        }
    }

    @ParameterizedTest
    @CsvSource({"gelu, hf_clip_gelu", "quick_gelu, hf_clip_quickgelu"})
    void agreesWithClipModel(String activation, String golden) {
        var activations = List.of("model.vision.activation=" + activation, "model.text.activation=" + activation);
        agree(shallow(activations), "hf_clip", golden);
    }

    /** As the hub has a model: its weights beside a configuration. */
    @Test
    void loadsFromAFolder() throws IOException {
        var hub = Files.createDirectories(folder.resolve("hub"));
        Files.writeString(hub.resolve("config.json"), "{}");
        var out = folder.resolve("hub.safetensors");
        embed(shallow(), hub, "image", out).isRefused("hub: holds no complete checkpoint");
        Files.copy(Golden.file("hf_clip"), hub.resolve("model.safetensors"));
        embed(shallow(), hub, "image", out).succeeds();
        var file = folder.resolve("file.safetensors");
        embed(shallow(), Golden.file("hf_clip"), "image", file).succeeds();
        assertThat(out).hasSameBinaryContentAs(file);
    }

    @Test
    void agreesWithClipModelOnRanksThatHoldHalfOfItEach() {
        var two = List.of("trainer.devices=2", "model.tensor_model_parallel_size=2");
        agree(shallow(two), "hf_clip", "hf_clip_gelu");
    }

    @Test
    void agreesWithSiglipModel() {
        agree(shallow(SIGLIP), "hf_siglip", "hf_siglip");
    }

    @ParameterizedTest
    @ValueSource(strings = {"hf_clip", "hf_siglip"})
    void writesWhatTransformersDoes(String golden) {
        var program = golden.equals("hf_clip") ? shallow() : shallow(SIGLIP);
        var own = folder.resolve("own.safetensors");
        var back = folder.resolve("back.safetensors");
        export(program, Golden.file(golden), "open_clip", own).succeeds();
        export(program, own, "huggingface", back).succeeds();
        assertThat(back).hasSameBinaryContentAs(Golden.file(golden));
    }

    @Test
    void oneModelUnderBothNames() {
        var program = Commands.tiny(SERVING);
        var there = folder.resolve("there.safetensors");
        var back = folder.resolve("back.safetensors");
        export(program, Golden.file("weights"), "HuggingFace", there).succeeds();
        assertThat(Golden.read(there).keySet())
                .contains("visual_projection.weight", "vision_model.encoder.layers.2.self_attn.q_proj.bias")
                .doesNotContain("visual.proj");
        export(program, there, "open_clip", back).succeeds();
        assertThat(bits(back)).isEqualTo(bits(Golden.file("weights")));
        var expected = features(program, Golden.file("weights"));
        var actual = features(program, there);
        expected.forEach((name, features) -> assertThat(get(actual, name)).containsExactly(features.data()));
    }

    /** All of a file's tensors, with their shapes and bits. */
    private static Map<String, String> bits(Path path) {
        var bits = new TreeMap<String, String>();
        Golden.read(path)
                .forEach((name, tensor) -> bits.put(
                        name,
                        tensor.type() + " "
                                + Arrays.stream(tensor.data())
                                        .mapToObj(Double::toHexString)
                                        .toList()));
        return bits;
    }

    @Test
    void writesWhatTrainingSaved() throws IOException {
        var data = Dataset.shards(folder.resolve("data"), 24);
        var program = Commands.tiny(Dataset.KEYS.toArray(String[]::new));
        var run = folder.resolve("run");
        clipRun("train", "--graph", program, "--data", data, "--out", run, "trainer.max_steps=1")
                .succeeds();
        var ofRun = folder.resolve("run.safetensors");
        var ofStep = folder.resolve("step.safetensors");
        export(program, run, "huggingface", ofRun).succeeds();
        export(program, run.resolve("step-1"), "huggingface", ofStep).succeeds();
        assertThat(ofRun).hasSameBinaryContentAs(ofStep);
        var back = folder.resolve("back.safetensors");
        export(program, ofRun, "open_clip", back).succeeds();
        assertThat(back).hasSameBinaryContentAs(run.resolve("step-1/model.safetensors"));
        export(program, folder, "huggingface", back).isRefused("holds no complete checkpoint");
    }

    /** A file with hf_clip's tensors, as far as {@code change} leaves them. */
    private Path changed(String name, BiConsumer<SafetensorsWriter, SafetensorsFile> change, Set<String> without)
            throws IOException {
        var path = folder.resolve(name + ".safetensors");
        try (var file = SafetensorsFile.open(Golden.file("hf_clip"))) {
            var writer = new SafetensorsWriter();
            file.names().stream()
                    .filter(tensor -> !without.contains(tensor))
                    .forEach(tensor -> writer.add(tensor, file.tensor(tensor)));
            change.accept(writer, file);
            writer.writeTo(path);
        }
        return path;
    }

    @Test
    void tellsAllDifferencesByTheFilesNames() throws IOException {
        var query = "text_model.encoder.layers.1.self_attn.q_proj.weight";
        var path = changed(
                "wrong",
                (writer, file) -> {
                    writer.add("visual_projection.weight", HostTensor.of(new float[48 * 32], 48, 32));
                    writer.add("visual.proj", HostTensor.of(new float[48 * 32], 48, 32));
                    writer.add("vision_model.embeddings.position_ids", HostTensor.of(new long[17], 1, 17));
                },
                Set.of(query, "visual_projection.weight"));
        var out = folder.resolve("out.safetensors");
        var message =
                path + ": does not hold the weights of this model under the names of transformers' CLIPModel: it lacks "
                        + query + "; it has besides visual.proj; "
                        + "it has in another shape visual_projection.weight [48, 32] instead of [32,48]";
        embed(shallow(), path, "image", out).isRefused(message);
        export(shallow(), path, "open_clip", out).isRefused(message);
        assertThat(out).doesNotExist();
    }

    @Test
    void ignoresBuffersAndWrappers() throws IOException {
        var path = changed(
                "buffers",
                (writer, file) -> {
                    writer.add("text_model.embeddings.position_ids", HostTensor.of(new long[16], 1, 16));
                    writer.add("vision_model.embeddings.position_ids", HostTensor.of(new long[17], 1, 17));
                },
                Set.of());
        var out = folder.resolve("out.safetensors");
        export(shallow(), path, "huggingface", out).succeeds();
        assertThat(bits(out)).isEqualTo(bits(Golden.file("hf_clip")));
    }

    @Test
    void tellsWhichParametersHaveNoName() throws IOException {
        var out = folder.resolve("out.safetensors");
        var several = shallow(List.of("model.vision.class_token_length=4"));
        export(several, Golden.file("hf_clip"), "huggingface", out)
                .isRefused("ClipTiny: cannot be written under the names of transformers' CLIPModel: "
                        + "there is none for its parameters visual.class_embedding (");
        embed(several, Golden.file("hf_clip"), "image", out)
                .isRefused(
                        "it has besides vision_model.embeddings.class_embedding",
                        "vision_model.embeddings.position_embedding.weight [17, 48] instead of [20,48]",
                        "it can have no tensors for visual.class_embedding");
        var narrow = shallow(List.of("model.vision.kv_channels=10"));
        export(narrow, Golden.file("hf_clip"), "huggingface", out)
                .isRefused(
                        "visual.transformer.resblocks.0.attn.in_proj_weight, visual.transformer.resblocks.1.attn.in");
        var plain = shallow(List.of("model.vision.preprocess_layernorm=false"));
        export(plain, Golden.file("hf_clip"), "huggingface", out)
                .isRefused(
                        "it has nothing to give to vision_model.pre_layrnorm.weight, vision_model.pre_layrnorm.bias");
        embed(plain, Golden.file("hf_clip"), "image", out)
                .isRefused("it has besides vision_model.pre_layrnorm.bias, vision_model.pre_layrnorm.weight");
        export(plain, Golden.file("hf_clip"), "onnx", out).isRefused("--format", "onnx");
        assertThat(out).doesNotExist();
    }
}
