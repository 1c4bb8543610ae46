package org.clipc.compiler.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExplainCommandTest {

    @TempDir
    Path folder = Path.of("");

    private Cli cli = new Cli(folder);

    @BeforeEach
    void setUp() {
        cli = new Cli(folder);
    }

    private JsonNode json(Object... args) throws IOException {
        var ran = cli.run(args);
        assertThat(ran.err()).isEmpty();
        assertThat(ran.code()).isZero();
        return new ObjectMapper().readTree(ran.out());
    }

    @Test
    void takesARecipeForTheModelOfItsName() throws IOException {
        var json = json("explain", Cli.recipe("tiny"), "--json", "model.micro_batch_size=3");
        assertThat(json.get("model").asText()).isEqualTo("ClipTiny");
        assertThat(json.at("/memory/micro_batch_size").intValue()).isEqualTo(3);
        assertThat(cli.run("explain", Cli.recipe("tiny"), "--config", "none").err())
                .contains("--config goes with a model; HOME/configs/tiny.yaml is a recipe itself");
    }

    /** Counts and GFLOPs as open_clip publishes them (docs/model_profile.csv). */
    @ParameterizedTest
    @CsvSource({
        "b32, 87849216, 63428096, 151277313, 14.78",
        "b16, 86192640, 63428096, 149620737, 41.09",
        "l14, 303966208, 123650304, 427616513, 175.33",
        "h14, 632076800, 354032640, 986109441, 381.68",
        "g14, 1012645632, 354032640, 1366678273, 581.15",
        "bigg14, 1844907264, 694659840, 2539567105, 1065.36",
        "e14, 3807716864, 773369600, 4581086465, 2091.45"
    })
    void countsWhatOpenClipPublishes(String variant, long vision, long text, long total, double gflops)
            throws IOException {
        var json = json("explain", Cli.model(variant), "--json");
        assertThat(json.at("/parameters/vision").longValue()).isEqualTo(vision);
        assertThat(json.at("/parameters/text").longValue()).isEqualTo(text);
        assertThat(json.at("/parameters/total").longValue()).isEqualTo(total);
        assertThat(json.at("/flops/forward_per_sample").longValue() / 1e9)
                .isCloseTo(gflops, Percentage.withPercentage(0.1));
        var memory = json.at("/memory");
        assertThat(memory.get("peak_bytes").longValue())
                .isEqualTo(memory.get("parameters_bytes").longValue()
                        + memory.get("optimizer_bytes").longValue()
                        + memory.get("workspace_bytes").longValue())
                // Parameters and two moments of f32.
                .isGreaterThan(12 * total);
        assertThat(json.at("/timings").propertyStream().map(Map.Entry::getKey))
                .contains("simplify", "train-step", "rematerialize", "fuse", "schedule");
        assertThat(json.at("/timings").valueStream()).allMatch(time -> time.doubleValue() >= 0);
    }

    @Test
    void towersAreWhatTheEntryPointsReach() throws IOException {
        var model = cli.file("m.clip", """
                model M {
                  param shared: [4, 2] = zeros
                  param a: [4, 2] = zeros
                  param b: [4, 2] = zeros
                  param scale: [] = zeros
                  entry encode_image(x: [B, 4]) -> [B, 2] = x @ a + x @ shared
                  entry encode_text(x: [B, 4]) -> [B, 2] = x @ b + x @ shared
                  entry loss(x: [B, 4]) -> [] = sum(x @ a) * scale
                }
                """);
        var json = json("explain", model, "--json", "--config", "none");
        assertThat(json.at("/parameters").toString())
                .isEqualTo("{\"vision\":8,\"text\":8,\"total\":25,\"trainable\":25}");
        assertThat(json.at("/flops/image").longValue()).isEqualTo(32);
    }

    @Test
    void aBatchOfMoreSamplesThanIntsCountIsRefused() {
        var ran = cli.run("explain", Cli.model("tiny"), "model.micro_batch_size=1048576", "trainer.devices=4096");
        assertThat(ran.err())
                .isEqualTo(
                        "clipc: 4096 data-parallel ranks have a batch of 4294967296 samples together, but it can have 2147483647 at most\n");
    }

    @Test
    void aLossThatNeedsNoArithmeticTakesNoShareOfIt() {
        var model = cli.file("m.clip", "model M { param w: [2] = zeros entry loss(x: [B]) -> [] = 0.5 }");
        var ran = cli.run("compile", model, "-o", model.resolveSibling("m.bin"), "--target", "jvm256");
        assertThat(ran.err()).isEmpty();
        assertThat(ran.out()).contains("computes again what takes 0.0 % more arithmetic");
    }

    @Test
    void tablesSayTheSame() {
        var ran = cli.run("explain", Cli.model("b32"));
        assertThat(ran.out().replaceAll(" +", " "))
                .startsWith("ClipB32 with HOME/configs/b32.yaml\n")
                .contains(
                        " image tower 87,849,216\n",
                        " text tower 63,428,096\n",
                        " total 151,277,313\n",
                        "forward, per sample 14.78 GFLOP\n",
                        "transformer.resblocks ×12 85,054,464 56.2 % 8.59 GFLOP 58.1 %\n");
    }

    @Test
    void saysWhatIsComputedAgainAndHowCloseThatIsToTheLeast() throws IOException {
        var json = json("explain", Cli.model("b32"), "--json").at("/recompute");
        assertThat(json.get("budget_bytes").longValue()).isEqualTo(700L << 20);
        assertThat(json.get("workspace_without_budget_bytes").longValue()).isGreaterThan(1000L << 20);
        assertThat(json.get("least_extra_time").doubleValue())
                .isPositive()
                .isLessThanOrEqualTo(json.get("extra_time").doubleValue())
                .isGreaterThan(json.get("extra_time").doubleValue() - 0.02);
        assertThat(json.get("modules").findValuesAsText("name")).contains("visual.transformer.resblocks.mlp");
        var ran = cli.run(
                "explain",
                Cli.model("tiny"),
                "model.vision.activations_checkpoint_granularity=full",
                "model.vision.activations_checkpoint_method=uniform");
        assertThat(ran.out()).contains("Computed again in a training step").doesNotContain("memory budget");
    }

    private static final Object[] RECOMPUTED_ON_EIGHT = {
        "--json",
        "trainer.devices=8",
        "model.tensor_model_parallel_size=8",
        "model.optim.name=distributed_fused_adam",
        "model.activations_checkpoint_granularity=full",
        "model.activations_checkpoint_method=uniform",
        "model.memory_budget=",
        "model.micro_batch_size=8"
    };

    /** Of s tokens, b samples and width h a layer keeps s·b·h numbers (Korthikanti et al. 2022, arXiv:2205.05198). */
    private static long kept(long tokens, long width, long layers) {
        return 4 * 8 * tokens * width * layers;
    }

    /** Heads that eight ranks cannot share, as in most of these, are on all of them. */
    @ParameterizedTest
    @CsvSource({
        "b32, 50, 768, 12, 512, 12",
        "b16, 197, 768, 12, 512, 12",
        "l14, 257, 1024, 24, 768, 12",
        "h14, 257, 1280, 32, 1024, 24",
        "g14, 257, 1408, 40, 1024, 24",
        "bigg14, 257, 1664, 48, 1280, 32",
        "e14, 257, 1792, 56, 1280, 36"
    })
    void activationsOfEachVariantAreWhatMegatronKeeps(
            String variant, long tokens, long width, long layers, long textWidth, long textLayers) throws IOException {
        var json = json(arguments(variant));
        var expected = kept(tokens, width, layers) + kept(77, textWidth, textLayers);
        assertThat(json.at("/recompute/kept_bytes").longValue()).isCloseTo(expected, Percentage.withPercentage(0.5));
        // A rank holds an eighth of most parameters, and two moments of each.
        var eighth = json.at("/parameters/total").longValue() * 4 / 8;
        assertThat(json.at("/memory/parameters_bytes").longValue()).isBetween(eighth, 2 * eighth);
        assertThat(json.at("/memory/optimizer_bytes").longValue()).isBetween(2 * eighth, 4 * eighth);
        assertThat(json.at("/memory/peak_bytes").longValue())
                .isGreaterThan(json.at("/recompute/kept_bytes").longValue() + 3 * eighth);
    }

    /** The kept bytes grow by exactly the formula's per layer, the workspace by that and the layer's gradients. */
    @Test
    void activationsGrowWithTheLayersAsMegatronsDo() throws IOException {
        var few = json(arguments("l14", "model.vision.num_layers=4", "model.text.num_layers=2"));
        for (var layers : new int[] {8, 16}) {
            var more = json(arguments("l14", "model.vision.num_layers=" + layers, "model.text.num_layers=2"));
            var growth = kept(257, 1024, layers - 4);
            assertThat(more.at("/recompute/kept_bytes").longValue()
                            - few.at("/recompute/kept_bytes").longValue())
                    .isEqualTo(growth);
            var gradients = more.at("/memory/parameters_bytes").longValue()
                    - few.at("/memory/parameters_bytes").longValue();
            assertThat(more.at("/memory/workspace_bytes").longValue()
                            - few.at("/memory/workspace_bytes").longValue())
                    .isBetween(growth * 97 / 100, growth + gradients);
        }
    }

    private static Object[] arguments(String variant, Object... more) {
        return Stream.of(Stream.of("explain", Cli.model(variant)), Stream.of(RECOMPUTED_ON_EIGHT), Stream.of(more))
                .flatMap(words -> words)
                .toArray();
    }

    @Test
    void refusesTensorsThatKernelsCannotIndex() {
        var ran = cli.run("explain", Cli.model("tiny"), "model.micro_batch_size=1048576");
        assertThat(ran.err())
                .isEqualTo("clipc: f32[1048576,3,32,32] has 3,221,225,472 elements, but kernels index 2,147,483,647 at"
                        + " most: lower model.micro_batch_size, or use more ranks\n");
        assertThat(ran.code()).isEqualTo(2);
    }

    @Test
    void listsWhatRanksExchange() throws IOException {
        var mesh = new Object[] {
            "explain", Cli.model("tiny"), "trainer.devices=4", "model.tensor_model_parallel_size=2", "--json"
        };
        var communication = json(mesh).at("/communication");
        var sent = 0L;
        for (var collective : communication.get("collectives")) {
            sent += collective.get("sent_bytes").longValue();
        }
        assertThat(sent).isPositive().isEqualTo(communication.get("sent_bytes").longValue());
        assertThat(communication.get("data_sent_bytes").longValue()
                        + communication.get("tensor_sent_bytes").longValue())
                .isEqualTo(sent);
        mesh[4] = "--communication";
        assertThat(cli.run(mesh).out())
                .containsPattern("visual.transformer.resblocks.0.attn.out_proj +all_reduce +2 tensor ranks")
                .containsPattern("total +\\d");
    }

    /** All but logits and what belongs to them, which stay f32, and numbers that stand alone. */
    @Test
    void bf16HalvesWhatRanksHoldAndExchange() throws IOException {
        var mesh = new Object[] {
            "explain",
            Cli.model("tiny"),
            "--json",
            "trainer.devices=4",
            "model.tensor_model_parallel_size=2",
            "model.optim.name=distributed_fused_adam",
            "trainer.precision=32-true",
            "model.megatron_amp_O2=false"
        };
        var wide = json(mesh);
        mesh[6] = "trainer.precision=bf16-mixed";
        var mixed = json(mesh);
        mesh[7] = "model.megatron_amp_O2=true";
        var narrow = json(mesh);
        assertThat(narrow.at("/memory/ranks").intValue()).isEqualTo(4);
        assertThat(ratio(mixed, wide, "/memory/parameters_bytes")).isEqualTo(1);
        assertThat(ratio(narrow, wide, "/memory/parameters_bytes")).isBetween(0.5, 0.52);
        assertThat(ratio(narrow, wide, "/memory/optimizer_bytes")).isBetween(1.48, 1.52);
        assertThat(ratio(mixed, wide, "/communication/tensor_sent_bytes")).isBetween(0.5, 0.6);
        // Gradients in f32, but small layers exchange the factors of gradients instead.
        assertThat(ratio(mixed, wide, "/communication/data_sent_bytes")).isBetween(0.9, 1.0);
        assertThat(ratio(narrow, wide, "/communication/data_sent_bytes")).isBetween(0.5, 0.52);
        assertThat(cli.run(mesh[0], mesh[1], mesh[3], mesh[4]).out()).contains("Memory of each of 4 ranks to train");
    }

    private static double ratio(JsonNode a, JsonNode b, String number) {
        return a.at(number).doubleValue() / b.at(number).doubleValue();
    }
}
