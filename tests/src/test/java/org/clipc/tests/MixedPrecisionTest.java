package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.tests.Commands.clipRun;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.ProgramFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs in bf16 learn what programs in f32 learn, up to roundings, and keep what they have learnt in f32. */
class MixedPrecisionTest {

    private static final String BF16 = "trainer.precision=bf16";
    private static final String O2 = BF16 + " model.megatron_amp_O2=true";

    /** A feature's elements are some 0.2 and have gone through a dozen roundings to 8 bits. */
    private static final double FEATURES = 0.01;

    @TempDir
    Path folder = Path.of("");

    private static Path compile(String precision, String... more) {
        var words = Stream.of(
                        Stream.of("--target", "jvm256"), Arrays.stream(precision.split(" ", -1)), Arrays.stream(more))
                .flatMap(all -> all);
        return Commands.tiny(words.toArray(String[]::new));
    }

    /** What an entry of the tiny model gives on the golden batch. */
    private Map<String, Tensor64> run(Path program, String entry, Object... more) {
        var out = folder.resolve(entry + ".safetensors");
        var words = new ArrayList<Object>(List.of("run", "--graph", program, "--entry", entry));
        words.addAll(List.of("--weights", Golden.file("weights"), "--inputs", Golden.file("batch"), "--out", out));
        words.addAll(Arrays.asList(more));
        clipRun(words.toArray()).succeeds();
        return Golden.read(out);
    }

    private static Tensor64 get(Map<String, Tensor64> tensors, String name) {
        return Objects.requireNonNull(tensors.get(name), name);
    }

    private static double cosine(Tensor64 a, Tensor64 b) {
        var product = 0.0;
        var squaresA = 0.0;
        var squaresB = 0.0;
        for (var i = 0; i < a.size(); i++) {
            product += a.get(i) * b.get(i);
            squaresA += a.get(i) * a.get(i);
            squaresB += b.get(i) * b.get(i);
        }
        return product / Math.sqrt(squaresA * squaresB);
    }

    private static Tensor64 joined(Map<String, Tensor64> tensors, List<String> names) {
        var all = names.stream()
                .flatMapToDouble(name -> Arrays.stream(get(tensors, name).data()))
                .toArray();
        return Tensor64.of(TensorType.f32(all.length), all);
    }

    @ParameterizedTest
    @ValueSource(strings = {BF16, O2})
    void featuresAndGradientsAreOpenClipsUpToRounding(String precision) {
        var program = compile(precision, "--batch", "6");
        var expected = Golden.read("gelu_tok.f64");
        for (var tower : List.of("image", "text")) {
            var name = tower + "_features";
            assertThat(get(run(program, "encode_" + tower), name).data())
                    .containsExactly(get(expected, name).data(), within(FEATURES));
        }
        var actual = run(program, "loss", "--grad");
        assertThat(get(actual, "loss").get(0)).isCloseTo(get(expected, "loss").get(0), within(0.02));
        var gradients = expected.keySet().stream()
                .filter(name -> name.startsWith("grad."))
                .toList();
        assertThat(gradients).hasSize(86);
        for (var name : gradients) {
            assertThat(cosine(get(actual, name), get(expected, name))).as(name).isGreaterThan(0.998);
        }
        assertThat(cosine(joined(actual, gradients), joined(expected, gradients)))
                .isGreaterThan(0.999);
    }

    @ParameterizedTest
    @ValueSource(strings = {BF16, O2})
    void theLossFallsAsInF32(String precision) {
        var exact = get(run(compile("trainer.precision=32", "--batch", "6"), "loss", "--steps", 20), "step_losses");
        var rounded = get(run(compile(precision, "--batch", "6"), "loss", "--steps", 20), "step_losses");
        assertThat(exact.get(20)).isLessThan(0.7 * exact.get(0));
        assertThat(rounded.data()).containsExactly(exact.data(), within(0.05));
        assertThat(rounded.data()).isNotEqualTo(exact.data());
    }

    /** Steps of AdamW smaller than half a unit in the last place of bf16 add up in the masters. */
    @Test
    void mastersKeepStepsThatBf16WouldLose() {
        var before = Golden.read("weights");
        var after = run(compile(O2, "--batch", "6"), "loss", "--steps", 3, "--lr", "1e-7");
        for (var name : List.of("visual.proj", "visual.ln_post.weight", "token_embedding.weight")) {
            var old = get(before, name);
            var trained = get(after, "after3." + name);
            var moved = 0;
            for (var i = 0; i < old.size(); i++) {
                var step = Math.abs(trained.get(i) - old.get(i));
                assertThat(step).as(name).isLessThan(4e-7);
                moved += step > 0 ? 1 : 0;
            }
            assertThat(moved).as(name).isPositive();
        }
    }

    @Test
    void takesLessMemory() throws IOException {
        var workspace = new ArrayList<Long>();
        for (var precision : List.of("trainer.precision=32", BF16, O2)) {
            try (var file = ProgramFile.open(
                    compile(precision, "--batch", "64", "model.text.num_layers=4", "model.vision.num_layers=4"))) {
                workspace.add(file.manifest().workspaceBytes());
            }
        }
        assertThat(workspace.get(1)).isLessThan(3 * workspace.get(0) / 4);
        assertThat(workspace.get(2)).isLessThan(workspace.get(1));
    }

    private Commands.Result train(Path program, Path data, String out, int steps) {
        return clipRun(
                "train",
                "--graph",
                program,
                "--data",
                data,
                "--out",
                folder.resolve(out),
                "--resume",
                "trainer.max_steps=" + steps,
                "model.optim.sched.name=Constant",
                "exp_manager.ema.enable=true",
                "exp_manager.ema.decay=0.5");
    }

    private Map<String, Tensor64> saved(String out, int step, String file) {
        return Golden.read(folder.resolve(out + "/step-" + step + "/" + file + ".safetensors"));
    }

    private Path program(String precision, String... more) {
        var keys = new ArrayList<>(Dataset.KEYS);
        keys.addAll(List.of(more));
        return compile(precision, keys.toArray(String[]::new));
    }

    @Test
    void resumesBitForBitAndHandsOnToOtherPrecisions() throws IOException {
        var data = Dataset.shards(folder.resolve("data"), 40);
        var o2 = program(O2, "model.micro_batch_size=8");
        train(o2, data, "whole", 4).succeeds();
        train(o2, data, "parts", 2).succeeds();
        train(o2, data, "parts", 4).succeeds();
        for (var file : List.of("model", "optimizer", "ema")) {
            assertThat(saved("parts", 4, file)).as(file).isEqualTo(saved("whole", 4, file));
        }
        // The same names and types as those of a training in f32: it goes on from there, and back again.
        train(program("trainer.precision=32", "model.micro_batch_size=8"), data, "whole", 5)
                .succeeds();
        train(program(BF16, "model.micro_batch_size=8"), data, "whole", 6).succeeds();
        train(o2, data, "whole", 7).succeeds();
        assertThat(saved("whole", 7, "optimizer").keySet())
                .isEqualTo(saved("parts", 4, "optimizer").keySet())
                .allMatch(name -> name.startsWith("adam."));
        var weight = get(saved("whole", 7, "model"), "visual.proj");
        assertThat(Arrays.stream(weight.data()).anyMatch(x -> Float.floatToRawIntBits((float) x) << 16 != 0))
                .isTrue();
        var features = folder.resolve("features.safetensors");
        clipRun("embed", "--graph", o2, "--weights", folder.resolve("whole"), "--images", data, "--out", features)
                .succeeds();
    }

    @Test
    void meshesHandOnToEachOther() throws IOException {
        var data = Dataset.shards(folder.resolve("data"), 40);
        var mesh = program(
                O2,
                "model.micro_batch_size=4",
                "trainer.devices=4",
                "model.tensor_model_parallel_size=2",
                "model.sequence_parallel=true",
                "model.optim.name=distributed_fused_adam");
        train(mesh, data, "whole", 3).succeeds();
        train(mesh, data, "parts", 1).succeeds();
        train(mesh, data, "parts", 3).succeeds();
        for (var file : List.of("model", "optimizer", "ema")) {
            assertThat(saved("parts", 3, file)).as(file).isEqualTo(saved("whole", 3, file));
        }
        train(program(O2, "model.micro_batch_size=8"), data, "parts", 4).succeeds();
    }

    @Test
    void whatIsNoPrecisionIsRefused() {
        var program = folder.resolve("p.bin");
        Commands.compile("tiny", program, "trainer.precision=fp8")
                .isRefused("'trainer.precision' is 'fp8', but can only be 32 or 32-true or bf16 or bf16-mixed");
        Commands.compile("tiny", program, "trainer.precision=bf16_mixed").isRefused("did you mean 'bf16-mixed'?");
        Commands.compile("tiny", program, "model.megatron_amp_O2=true")
                .isRefused(
                        "model.megatron_amp_O2 keeps parameters in bf16, but trainer.precision is 32",
                        "set trainer.precision=bf16");
        Commands.compile("tiny", program, "model.megatron_amp_o2=true").reports("did you mean");
    }
}
