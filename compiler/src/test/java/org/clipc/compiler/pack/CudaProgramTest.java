package org.clipc.compiler.pack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.clipc.compiler.lower.Tensors;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.compiler.train.TwoTowers;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Choice;
import org.clipc.program.EntryPoint;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.cuda.EmulatedCuda;
import org.clipc.runtime.device.tornado.TornadoVm;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A training step in CUDA C against the reference interpreter: as a library task of TornadoVM, by whatever device it has,
 * whose kernels and products run on the CPU.
 */
class CudaProgramTest {

    @TempDir
    Path folder = Path.of("");

    @Test
    @Tag("kernels")
    void aTrainingStepDoesWhatTheGraphSays() throws IOException {
        assumeTrue(TornadoVm.isPresent(), "TornadoVM is not here: TORNADOVM_HOME is not set");
        var model = TwoTowers.build(TwoTowers.Sizes.tiny(0.2));
        var options = CompileOptions.builder(List.of(TornadoTarget.cuda()))
                .batch(3)
                .training(new Optimizer(0.9, 0.98, 1e-6, 0.2, 0.05))
                .verifyEach(true)
                .build();
        var program = ProgramBuilder.build(new LossOnly(model), options).program();
        var file = folder.resolve("program.bin");
        ProgramFile.write(file, program);
        var step = TrainStep.build(model.loss(), "loss", model.parameters(), options.optimizer());
        var inputs = new TreeMap<>(model.inputs(step, 11));
        inputs.put("lr", Tensor64.scalar(TensorType.f32(), 0.01));
        inputs.put("step", Tensor64.scalar(TensorType.f32(), 3));
        var expected = Interpreter.run(step, inputs);
        try (var loaded = EmulatedCuda.load(file, List.of("train_step"))) {
            var told = new ArrayList<String>();
            for (var observed : List.of(false, true)) {
                loaded.observe(observed ? (_, call, _) -> told.add(call.name()) : null);
                Tensors.assertClose(
                        "tornadocuda", expected, DeviceRunner.run(loaded, EntryPoint.TRAIN_STEP, inputs), 1e-4);
            }
            assertThat(told).hasSizeGreaterThan(20).anyMatch(name -> name.contains("Product_"));
            loaded.observe(null);
            var choices = loaded.choices("train_step");
            assertThat(choices).anyMatch(choice -> choice.options().containsKey("fused"));
            for (var way : List.of("kernel", "library", "fused")) {
                var chosen = choices.stream()
                        .filter(choice -> choice.options().containsKey(way))
                        .collect(Collectors.toMap(Choice::name, _ -> way));
                loaded.tune(chosen);
                Tensors.assertClose(way, expected, DeviceRunner.run(loaded, EntryPoint.TRAIN_STEP, inputs), 1e-4);
            }
        }
    }
}
