package org.clipc.compiler.elaborate;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.format.Formatter;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The models that the project ships. */
class VariantsTest {
    static final List<String> VARIANTS = List.of("b32", "b16", "l14", "h14", "g14", "bigg14", "e14", "tiny");

    static List<String> variants() {
        return VARIANTS;
    }

    static TensorType outputType(Graph graph) {
        Value value = graph.outputs().getFirst().value();
        return graph.type(value);
    }

    /** Parameter counts as open_clip publishes them (docs/model_profile.csv), in millions. */
    @ParameterizedTest
    @CsvSource({
        "b32, 87.85, 63.43",
        "b16, 86.19, 63.43",
        "l14, 303.97, 123.65",
        "h14, 632.08, 354.03",
        "g14, 1012.65, 354.03",
        "bigg14, 1844.91, 694.66",
        "e14, 3807.72, 773.37"
    })
    void parameterCounts(String name, double visionMillions, double textMillions) {
        List<ModelParameter> parameters = Repository.load(name).parameters();
        long vision = count(parameters, "visual.");
        long text = count(parameters, "") - vision - count(parameters, "logit_scale");
        assertThat(Math.round(vision / 1e4) / 100.0).isEqualTo(visionMillions);
        assertThat(Math.round(text / 1e4) / 100.0).isEqualTo(textMillions);
    }

    @Test
    void theExactCountOfTheSmallestPublishedModel() {
        List<ModelParameter> parameters = Repository.load("b32").parameters();
        assertThat(count(parameters, "visual.")).isEqualTo(87_849_216);
        assertThat(count(parameters, "")).isEqualTo(151_277_313);
    }

    private static long count(List<ModelParameter> parameters, String prefix) {
        return parameters.stream()
                .filter(p -> p.name().startsWith(prefix))
                .mapToLong(p -> p.type().elements())
                .sum();
    }

    @ParameterizedTest
    @MethodSource("variants")
    void entriesHaveTheirShapes(String name) {
        ElaboratedModel model = Repository.load(name);
        int width = Integer.parseInt(String.valueOf(model.config().get("output_dim")));
        assertThat(model.entryNames()).containsExactly("encode_image", "encode_text", "loss");
        assertThat(outputType(model.entry("encode_image", 5, false))).isEqualTo(TensorType.f32(5, width));
        assertThat(outputType(model.entry("encode_text", 2, true))).isEqualTo(TensorType.f32(2, width));
        Graph loss = model.entry("loss", 4, true);
        assertThat(outputType(loss)).isEqualTo(TensorType.f32());
        assertThat(loss.inputs()).extracting(Op.Input::name).contains("images", "tokens", "logit_scale");
        assertThat(loss.inputs()).hasSize(2 + model.parameters().size());
    }

    @Test
    void everySourceIsFormatted() throws IOException {
        try (var files = Files.walk(Repository.graphs())) {
            for (Path file : files.filter(f -> f.toString().endsWith(".clip")).toList()) {
                String text = Files.readString(file);
                assertThat(Formatter.format(new SourceFile(file.toString(), text))
                                .text())
                        .as(file.toString())
                        .isEqualTo(text);
            }
        }
    }
}
