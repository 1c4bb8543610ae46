package org.clipc.compiler.lower;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.clipc.compiler.fuse.Fuse;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.memory.InPlace;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Test;

/** Values that are computed straight into the place where they are wanted. */
class UpdatesTest {

    private static final TensorType TYPE = TensorType.f32(3, 5);
    private static final TensorType KEY = new TensorType(DType.I32, Shape.of(2));

    private final GraphBuilder builder = new GraphBuilder("g");
    private final Value p = builder.input("p", InputKind.PARAMETER, TYPE);

    @Test
    void theOptimizerWorksInPlace() {
        optimizer();
        var lowered = run(builder.build());
        assertThat(lowered.steps()).hasSize(1);
        assertThat(((Step.Kernel) lowered.steps().getFirst()).launch().spec()).isInstanceOf(KernelSpec.AdamW.class);
    }

    @Test
    void aLaterReaderOfTheOldParameterKeepsIt() {
        optimizer();
        builder.output("old", builder.mul(p, 2));
        run(builder.build());
    }

    @Test
    void theOldParameterCanBeAnOutput() {
        optimizer();
        builder.output("old", p);
        run(builder.build());
    }

    @Test
    void theNewParameterCanBeAnOutput() {
        builder.output("plain", optimizer());
        run(builder.build());
    }

    @Test
    void statesCanSwap() {
        var m = builder.input("m", InputKind.STATE, TYPE);
        builder.output(new Output("new p", m, "p"));
        builder.output(new Output("new m", p, "m"));
        run(builder.build());
    }

    @Test
    void anUpdateThatReadsItsParameterCrosswiseIsNotInPlace() {
        var square = builder.input("s", InputKind.PARAMETER, TensorType.f32(4, 4));
        var turned = builder.transpose(square, List.of(1, 0));
        builder.output(new Output("new s", builder.add(square, turned), "s"));
        run(builder.build());
    }

    @Test
    void anUpdateInStepIsInPlace() {
        builder.output(new Output("new p", builder.mul(p, 0.5), "p"));
        var lowered = run(builder.build());
        assertThat(lowered.steps()).hasSize(1);
        assertThat(lowered.steps().getFirst().inputs())
                .isEqualTo(lowered.steps().getFirst().outputs());
    }

    /** Each number needs all of the key. */
    @Test
    void aKeyStaysWhileNumbersAreDrawnWithIt() {
        var key = builder.input("k", InputKind.STATE, KEY);
        builder.output(new Output("new k", drawn(key), "k"));
        var step = run(new Fuse().apply(builder.build())).steps().getFirst();
        assertThat(step.outputs()).doesNotContainAnyElementsOf(step.inputs());
    }

    @Test
    void aKeyThatDiesStaysTooWhileNumbersAreDrawnWithIt() {
        var key = builder.input("k", InputKind.DATA, KEY);
        builder.output("numbers", drawn(builder.add(key, key)));
        var lowered = InPlace.apply(run(new Fuse().apply(builder.build())));
        assertThat(lowered.steps()).hasSize(2);
        var step = lowered.steps().getLast();
        assertThat(step.outputs()).doesNotContainAnyElementsOf(step.inputs());
    }

    private Value drawn(Value key) {
        var numbers = builder.mul(builder.add(new Op.Uniform(KEY.shape(), 0), key), 1e6);
        return builder.add(builder.convert(numbers, DType.I32), key);
    }

    @Test
    void partsOfAConcatenationAreNotCopied() {
        var data = builder.input("d", InputKind.DATA, TensorType.f32(3, 2));
        var joined = builder.concat(List.of(builder.neg(p), builder.neg(data)), 1);
        builder.output("joined", joined);
        assertThat(run(builder.build()).steps()).hasSize(2);
    }

    private Value optimizer() {
        var g = builder.input("g", InputKind.DATA, TYPE);
        var m = builder.input("m", InputKind.STATE, TYPE);
        var v = builder.input("v", InputKind.STATE, TYPE);
        var scalars = List.of("lr", "step", "scale").stream()
                .map(n -> builder.input(n, InputKind.SCALAR, TensorType.f32()))
                .toList();
        var results = builder.addAll(
                new Op.AdamW(0.9, 0.98, 1e-6, 0.1),
                List.of(p, g, m, v, scalars.get(0), scalars.get(1), scalars.get(2)));
        builder.output(new Output("new p", results.get(0), "p"));
        builder.output(new Output("new m", results.get(1), "m"));
        builder.output(new Output("new v", results.get(2), "v"));
        return results.get(0);
    }

    private static LoweredGraph run(Graph graph) {
        var random = new Random(1);
        var inputs = new HashMap<String, Tensor64>();
        graph.inputs()
                .forEach(i ->
                        inputs.put(i.name(), Tensor64.zeros(i.type()).map(i.type(), _ -> 1 + random.nextDouble())));
        var lowered = Lowering.lower(graph);
        Map<String, Tensor64> expected = Interpreter.run(graph, inputs);
        assertThat(LaunchInterpreter.unplanned(lowered).run(inputs)).isEqualTo(expected);
        return lowered;
    }
}
