package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.ir.testing.Numbers.assertClose;

import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.elaborate.ModelParameter;
import org.clipc.ir.Graph;
import org.clipc.ir.TensorType;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Test;

/** The elaborated tiny model, run by the reference interpreter, gives open_clip's numbers. */
class GoldenForwardTest {
    private static final double TOLERANCE = 1e-10;

    private static void check(ElaboratedModel model, Map<String, Tensor64> inputs, String golden) {
        Map<String, Tensor64> expected = Golden.read(golden);
        compare(model, "encode_image", inputs, expected, "image_features");
        compare(model, "encode_text", inputs, expected, "text_features");
        compare(model, "loss", inputs, expected, "loss");
    }

    private static void compare(
            ElaboratedModel model,
            String entry,
            Map<String, Tensor64> inputs,
            Map<String, Tensor64> expected,
            String key) {
        for (boolean training : new boolean[] {false, true}) {
            Graph graph = model.entry(entry, 6, training);
            Verifier.check(graph);
            Tensor64 actual =
                    Objects.requireNonNull(Interpreter.run(graph, inputs).get(key));
            Tensor64 wanted = Objects.requireNonNull(expected.get(key));
            assertClose(key, actual.data(), wanted.data(), TOLERANCE);
        }
    }

    @Test
    void gelu() {
        check(Golden.tiny(), Golden.inputs(), "gelu_tok.f64");
    }

    @Test
    void quickGelu() {
        check(
                Golden.tiny("vision.activation", "quick_gelu", "text.activation", "quick_gelu"),
                Golden.inputs(),
                "quickgelu_tok.f64");
    }

    @Test
    void averagePooling() {
        check(Golden.tiny("vision.global_average_pool", true), Golden.inputs(), "gelu_avgpool.f64");
    }

    @Test
    void sigmoidLoss() {
        Map<String, Tensor64> inputs = Golden.inputs();
        inputs.put("logit_scale", Tensor64.scalar(TensorType.f32(), (float) Math.log(10)));
        inputs.put("logit_bias", Tensor64.scalar(TensorType.f32(), -10));
        check(Golden.tiny("objective", "sigmoid"), inputs, "siglip.f64");
    }

    @Test
    void parametersAreOpenClips() {
        Map<String, TensorType> ours = Golden.tiny().parameters().stream()
                .collect(Collectors.toMap(ModelParameter::name, ModelParameter::type));
        Map<String, TensorType> theirs = Golden.read("weights").entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().type()));
        assertThat(ours).isEqualTo(theirs);
    }
}
