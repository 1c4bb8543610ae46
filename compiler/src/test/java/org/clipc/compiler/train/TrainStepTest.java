package org.clipc.compiler.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.ir.InputKind;
import org.clipc.ir.Output;
import org.clipc.ir.TensorType;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;
import org.junit.jupiter.api.Test;

class TrainStepTest {

    private static final double CLIP = 0.05;

    private final TwoTowers.Model model = TwoTowers.build(TwoTowers.Sizes.tiny(0));
    private final Optimizer optimizer = new Optimizer(0.9, 0.98, 1e-6, 0.2, CLIP);

    private Map<String, Tensor64> step(Map<String, Tensor64> changes) {
        var graph = Verifier.check(TrainStep.build(model.loss(), "loss", model.parameters(), optimizer));
        var inputs = new TreeMap<>(model.inputs(graph, 1));
        inputs.put("lr", Tensor64.scalar(TensorType.f32(), 0.01));
        inputs.put("step", Tensor64.scalar(TensorType.f32(), 3));
        inputs.putAll(changes);
        var outputs = Interpreter.run(graph, inputs);
        assertThat(graph.outputs().stream().map(Output::updates).filter(Objects::nonNull))
                .hasSize(3 * model.parameters().size());
        return outputs;
    }

    @Test
    void scalesGradientsToTheClipNorm() {
        var inputs = model.inputs(model.loss(), 1);
        var gradients =
                Interpreter.run(Autodiff.gradients(model.loss(), "loss", i -> i.kind() == InputKind.PARAMETER), inputs);
        var squares = gradients.entrySet().stream()
                .filter(e -> e.getKey().startsWith(Autodiff.PREFIX))
                .mapToDouble(
                        e -> Arrays.stream(e.getValue().data()).map(x -> x * x).sum())
                .sum();
        var outputs = step(Map.of());
        assertThat(get(outputs, "grad_norm").get(0)).isCloseTo(Math.sqrt(squares), within(1e-9));
        assertThat(get(outputs, "skipped").get(0)).isZero();
        // m' = m + (g - m) · (1 - β₁), with the clipped gradient.
        var m = Objects.requireNonNull(
                model.inputs(TrainStep.build(model.loss(), "loss", model.parameters(), optimizer), 1)
                        .get("adam.m.visual.proj"));
        var g = get(gradients, "grad.visual.proj").get(2) * CLIP / (Math.sqrt(squares) + 1e-6);
        assertThat(get(outputs, "next.adam.m.visual.proj").get(2))
                .isCloseTo(m.get(2) + (g - m.get(2)) * 0.1, within(1e-9));
    }

    @Test
    void aLossThatIsNotFiniteChangesNothing() {
        var graph = TrainStep.build(model.loss(), "loss", model.parameters(), optimizer);
        var before = new TreeMap<>(model.inputs(graph, 1));
        var broken = Tensor64.filled(TensorType.f32(), Double.NaN);
        var outputs = step(Map.of("logit_scale", broken));
        assertThat(get(outputs, "skipped").get(0)).isEqualTo(1);
        var same = model.parameters().stream()
                .map(Parameter::name)
                .filter(name -> !name.equals("logit_scale"))
                .collect(Collectors.toMap(name -> name, name -> get(outputs, "next." + name)));
        same.forEach((name, tensor) -> assertThat(tensor).as(name).isEqualTo(get(before, name)));
        assertThat(get(outputs, "next.adam.v.visual.proj")).isEqualTo(get(before, "adam.v.visual.proj"));
    }

    @Test
    void clampsWhatAsksForIt() {
        var outputs = step(Map.of("logit_scale", Tensor64.scalar(TensorType.f32(), 9)));
        assertThat(get(outputs, "next.logit_scale").get(0)).isEqualTo(Math.log(100));
        assertThat(get(outputs, "logit_scale").get(0)).isEqualTo(Math.log(100));
    }

    private static Tensor64 get(Map<String, Tensor64> tensors, String name) {
        return Objects.requireNonNull(tensors.get(name), name);
    }
}
