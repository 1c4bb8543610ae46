package org.clipc.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.runtime.cli.CommandRunner.clipRun;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.tensor.SafetensorsWriter;
import org.clipc.runtime.tensor.TensorDType;
import org.clipc.runtime.testing.ToyProgram;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunCommandTest {

    private static final int VOCABULARY = 20;

    @TempDir
    Path folder;

    private Path graph;
    private Path out;

    @BeforeEach
    void write() throws IOException {
        graph = ToyProgram.write(folder.resolve("toy.bin"), VOCABULARY);
        out = folder.resolve("out.safetensors");
    }

    private static HostTensor images(int count) {
        var random = new Random(5);
        var pixels = new float[count * ToyProgram.PIXELS];
        for (var i = 0; i < pixels.length; i++) {
            pixels[i] = (float) random.nextGaussian();
        }
        return HostTensor.of(pixels, count, 3, ToyProgram.SIZE, ToyProgram.SIZE);
    }

    private static HostTensor tokens(int count) {
        return HostTensor.of(
                new Random(6)
                        .longs((long) count * ToyProgram.CONTEXT, 0, VOCABULARY)
                        .toArray(),
                count,
                ToyProgram.CONTEXT);
    }

    private Path inputs(int count) throws IOException {
        var path = folder.resolve("in" + count + ".safetensors");
        new SafetensorsWriter()
                .add("images", images(count))
                .add("texts", tokens(count))
                .writeTo(path);
        return path;
    }

    private CommandRunner.Result run(Path inputs, Object... more) {
        var args = new ArrayList<Object>(List.of("run", "--graph", graph, "--inputs", inputs, "--out", out));
        args.addAll(Arrays.asList(more));
        return clipRun(args.toArray());
    }

    private float[] output(String name) throws IOException {
        try (var file = SafetensorsFile.open(out)) {
            return file.tensor(name).toFloats();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 9})
    void encodesBatchesOfAnySizeAlike(int count) throws IOException {
        run(inputs(12), "--entry", "encode_image").succeeds();
        var all = output("image_features");
        run(inputs(count), "--entry", "encode_image").succeeds();
        assertThat(output("image_features")).isEqualTo(Arrays.copyOf(all, count * ToyProgram.DIM));
        run(inputs(count), "--entry", "encode_text").succeeds();
        try (var file = SafetensorsFile.open(out)) {
            assertThat(file.names()).containsExactly("text_features");
            assertThat(file.tensor("text_features").shape()).containsExactly((long) count, (long) ToyProgram.DIM);
        }
    }

    @Test
    void gradientsAreThoseOfTheLoss() throws IOException {
        run(inputs(4), "--entry", "loss", "--grad").succeeds();
        try (var file = SafetensorsFile.open(out)) {
            assertThat(file.names())
                    .containsExactlyInAnyOrder(
                            "loss",
                            "image_features",
                            "text_features",
                            "logits_per_image",
                            "grad.visual.proj",
                            "grad.token_embedding.weight",
                            "grad.logit_scale");
        }
        var slope = output("grad.logit_scale")[0];
        var weights = folder.resolve("w.safetensors");
        var losses = new float[2];
        for (var side = 0; side < 2; side++) {
            // The initial parameters of seed 1234, with the scale moved a little.
            run(inputs(4), "--entry", "loss", "--steps", 1, "--lr", 0).succeeds();
            try (var file = SafetensorsFile.open(out)) {
                var scale = file.tensor("after1.logit_scale").toFloats()[0] + (side == 0 ? -0.05f : 0.05f);
                new SafetensorsWriter()
                        .add("visual.proj", file.tensor("after1.visual.proj"))
                        .add("token_embedding.weight", file.tensor("after1.token_embedding.weight"))
                        .add("logit_scale", HostTensor.of(new float[] {scale}))
                        .writeTo(weights);
            }
            run(inputs(4), "--entry", "loss", "--weights", weights).succeeds();
            losses[side] = output("loss")[0];
        }
        assertThat((losses[1] - losses[0]) / 0.1f).isCloseTo(slope, within(Math.abs(slope) * 0.02f));
    }

    @Test
    void takesSteps() throws IOException {
        run(inputs(4), "--entry", "loss", "--steps", 3, "--seed", 8).succeeds();
        assertThat(output("step_losses")).hasSize(4);
        assertThat(output("step_losses")[3]).isLessThan(output("step_losses")[0]);
        assertThat(output("grad_norms_before_clip")).hasSize(3);
        var after = output("after3.visual.proj");
        run(inputs(4), "--entry", "loss", "--steps", 3, "--seed", 8).succeeds();
        assertThat(output("after3.visual.proj")).isEqualTo(after);
        run(inputs(4), "--entry", "loss", "--steps", 3, "--seed", 9).succeeds();
        assertThat(output("after3.visual.proj")).isNotEqualTo(after);
    }

    @Test
    void tellsWhatIsWrong() throws IOException {
        run(inputs(5), "--entry", "loss")
                .isRefused("tensor 'images': holds 5 samples", "compile with model.micro_batch_size=5");
        run(inputs(4), "--entry", "embed")
                .isRefused("has no entry point 'embed'; it has encode_image, encode_text, loss");
        run(inputs(4), "--entry", "encode_text", "--grad").isRefused("--grad and --steps need --entry loss");
        run(inputs(4), "--entry", "loss", "--steps", 0).isRefused("--steps must be at least 1");
        run(inputs(4), "--entry", "loss", "--steps", "x").isRefused("--steps", "'x'", "clip-run run --help");
        run(inputs(4)).isRefused("Missing required option", "--entry");
        run(folder.resolve("none"), "--entry", "loss").isRefused("none: no such file");
        run(graph, "--entry", "loss").isRefused("toy.bin: ", "no safetensors file");
        run(inputs(4), "--entry", "loss", "--device", "tpu").isRefused("there is no device 'tpu' here, only jvm");
        run(inputs(4), "--entry", "loss", "--device", "tornado")
                .isRefused("the device tornado needs TornadoVM: install an SDK", "set TORNADOVM_HOME");
        run(inputs(4), "--entry", "loss", "--weights", inputs(4)).isRefused("does not hold the weights of this model");
        clipRun("run", "--graph", inputs(4), "--entry", "loss", "--inputs", inputs(4), "--out", out)
                .isRefused("in4.safetensors: is not a program file");
        clipRun("frobnicate").isRefused("frobnicate");
        assertThat(out).doesNotExist();
    }

    @Test
    void tellsWhatIsWrongWithInputs() throws IOException {
        var path = folder.resolve("bad.safetensors");
        var tokens = tokens(4).toLongs();
        tokens[8] = VOCABULARY;
        new SafetensorsWriter()
                .add("images", HostTensor.of(new float[4 * 12], 4, 3, 2, 2))
                .add("texts", HostTensor.of(tokens, 4, ToyProgram.CONTEXT))
                .writeTo(path);
        run(path, "--entry", "encode_image")
                .isRefused(
                        "tensor 'images': is f32[4,3,2,2], but entry 'encode_image' takes f32[4,3,8,8] (of any batch size)");
        run(path, "--entry", "encode_text")
                .isRefused("tensor 'texts': has the token 20 at [1, 2], but the model's vocabulary has 20");
        new SafetensorsWriter().add("pictures", HostTensor.of(new float[1], 1)).writeTo(path);
        run(path, "--entry", "encode_image")
                .isRefused("has no tensor named images or image or pixel_values, which entry 'encode_image' needs");
        new SafetensorsWriter()
                .add("tokens", HostTensor.of(new float[6], 1, ToyProgram.CONTEXT))
                .writeTo(path);
        run(path, "--entry", "encode_text").isRefused("must hold whole numbers, not F32");
    }

    @Test
    void acceptsOtherElementTypes() throws IOException {
        run(inputs(4), "--entry", "encode_image").succeeds();
        var exact = output("image_features");
        var path = folder.resolve("half.safetensors");
        try (var arena = Arena.ofConfined()) {
            new SafetensorsWriter()
                    .add("image", images(4).convert(TensorDType.F16, arena))
                    .writeTo(path);
        }
        run(path, "--entry", "encode_image").succeeds();
        var rounded = output("image_features");
        for (var i = 0; i < exact.length; i++) {
            assertThat(rounded[i]).isCloseTo(exact[i], within(2e-3f));
        }
    }

    @Test
    void summarisesListsAndMeasures() throws IOException {
        assertThat(clipRun("--graph", graph).succeeds().out())
                .contains(
                        "model Toy",
                        "entry encode_image (batch 4)",
                        "takes  images: f32[4,3,8,8]",
                        "model.optim.lr: 0.01");
        assertThat(clipRun("devices").succeeds().out()).contains("jvm  JVM kernels on ");
        assertThat(clipRun("bench", "--graph", graph, "--iterations", 2, "--warmup", 0)
                        .succeeds()
                        .out())
                .contains("train_step, batch 4:", "samples/s", "Toy", "100.0%", "peak memory");
        assertThat(clipRun().exitCode()).isEqualTo(2);
        clipRun("--graph", folder.resolve("no.bin")).isRefused("no.bin: no such file");
        Files.write(folder.resolve("cut.bin"), Arrays.copyOf(Files.readAllBytes(graph), 1000));
        clipRun("--graph", folder.resolve("cut.bin")).isRefused("cut.bin: is not a program file, or a damaged one");
    }
}
