package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.tests.Commands.clipRun;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code clipc compile} and {@code clip-run run} give open_clip's numbers, in float32, from open_clip's own weights. */
class GoldenRunTest {

    private static final double FEATURES = 1e-6;
    private static final double GRADIENTS = 1e-5;
    private static final double PARAMETERS = 1e-4;

    @TempDir
    Path folder = Path.of("");

    /** What an entry of the tiny model gives on the golden batch, whose tokens are int64. */
    private Map<String, Tensor64> run(Path program, String entry, Object... more) {
        var out = folder.resolve(entry + ".safetensors");
        var words = Stream.concat(
                Stream.of(
                        "run",
                        "--graph",
                        program,
                        "--entry",
                        entry,
                        "--weights",
                        Golden.file("weights"),
                        "--inputs",
                        Golden.file("batch"),
                        "--out",
                        out,
                        "--device",
                        Commands.TORNADO ? "tornado" : "jvm"),
                Arrays.stream(more));
        clipRun(words.toArray()).succeeds();
        return Golden.read(out);
    }

    private static Tensor64 get(Map<String, Tensor64> tensors, String name) {
        return Objects.requireNonNull(tensors.get(name), name);
    }

    /** Within {@code tolerance} of the largest value that the tensor should have. */
    private static void close(Tensor64 actual, Tensor64 expected, double tolerance, String what) {
        var largest = Arrays.stream(expected.data()).map(Math::abs).max().orElse(0);
        assertThat(actual.type()).as(what).isEqualTo(expected.type());
        assertThat(actual.data()).as(what).containsExactly(expected.data(), within(tolerance * largest));
    }

    /** Every tensor of {@code expected} whose name starts with {@code prefix}, and no other of that prefix. */
    private static void allClose(
            Map<String, Tensor64> actual, Map<String, Tensor64> expected, String prefix, double tolerance) {
        assertThat(actual.keySet().stream().filter(name -> name.startsWith(prefix)))
                .containsExactlyInAnyOrderElementsOf(expected.keySet().stream()
                        .filter(name -> name.startsWith(prefix))
                        .toList())
                .hasSize(86);
        expected.forEach((name, tensor) -> {
            if (name.startsWith(prefix)) {
                close(get(actual, name), tensor, tolerance, name);
            }
        });
    }

    @ParameterizedTest
    @Tag("kernels")
    @CsvSource({"gelu, gelu_tok", "quick_gelu, quickgelu_tok"})
    void agreesWithOpenClip(String activation, String golden) {
        var program = Commands.tiny(
                "--batch", "6", "model.vision.activation=" + activation, "model.text.activation=" + activation);
        var expected = Golden.read(golden + ".f64");
        for (var tower : new String[] {"image", "text"}) {
            var features = run(program, "encode_" + tower);
            assertThat(features).containsOnlyKeys(tower + "_features");
            assertThat(get(features, tower + "_features").data())
                    .containsExactly(get(expected, tower + "_features").data(), within(FEATURES));
        }
        var actual = run(program, "loss", "--grad", "--steps", 3);
        assertThat(get(actual, "loss").data())
                .containsExactly(get(expected, "loss").data(), within(GRADIENTS));
        allClose(actual, expected, "grad.", GRADIENTS);
        allClose(actual, expected, "after3.", PARAMETERS);
        close(get(actual, "step_losses"), get(expected, "step_losses"), GRADIENTS, "step_losses");
        close(
                get(actual, "grad_norms_before_clip"),
                get(expected, "grad_norms_before_clip"),
                GRADIENTS,
                "grad_norms_before_clip");
    }

    @Test
    void averagePoolingAndTheSigmoidLossAgreeToo() {
        var pooled = Commands.tiny("--batch", "6", "model.vision.global_average_pool=true");
        var expected = Golden.read("gelu_avgpool.f64");
        assertThat(get(run(pooled, "encode_image"), "image_features").data())
                .containsExactly(get(expected, "image_features").data(), within(FEATURES));
        allClose(run(pooled, "loss", "--grad"), expected, "grad.", GRADIENTS);
    }
}
