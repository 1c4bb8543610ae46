package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.Set;
import org.clipc.program.ProgramFile;
import org.junit.jupiter.api.Test;

/** Repeated blocks are alike: a deeper model has no more kernels. */
class DepthTest {

    private static Set<String> kernels(int layers) throws IOException {
        var program = Commands.tiny(
                "--batch",
                "2",
                "--target",
                "jvm128",
                "model.vision.num_layers=" + layers,
                "model.text.num_layers=" + layers);
        try (var file = ProgramFile.open(program)) {
            return file.program().kernels().keySet();
        }
    }

    @Test
    void aProgramOfFourTimesTheLayersHasTheSameKernels() throws IOException {
        assertThat(kernels(48)).isEqualTo(kernels(12));
    }

    private static JsonNode explain(int layers) throws IOException {
        var result = Commands.clipc(
                        "explain",
                        Golden.graphs().resolve("b32.clip"),
                        "--library",
                        Golden.graphs(),
                        "--json",
                        "model.memory_budget=1000GiB",
                        "model.vision.num_layers=" + layers)
                .succeeds();
        return JsonMapper.builder().build().readTree(result.out());
    }

    @Test
    void soSaysTheExplanationOfAPublishedModel() throws IOException {
        var twelve = explain(12);
        var deep = explain(48);
        assertThat(deep.at("/kernels").intValue())
                .isLessThanOrEqualTo(twelve.at("/kernels").intValue());
        assertThat(deep.at("/parameters/vision").longValue())
                .isEqualTo(twelve.at("/parameters/vision").longValue() + 36 * 7_087_872L);
        assertThat(deep.at("/memory/peak_bytes").longValue())
                .isGreaterThan(twelve.at("/memory/peak_bytes").longValue());
    }
}
