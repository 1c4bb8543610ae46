package org.clipc.compiler.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.clipc.compiler.jvm.Nvrtc;
import org.clipc.program.ProgramFile;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The kernels of whole models, by the compiler that a GPU's machine has. */
class CudaSourcesTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "tiny, trainer.precision=32",
        "tiny, trainer.precision=bf16 model.vision.activation=gelu_tanh model.text.activation=gelu_tanh",
        "tiny, trainer.precision=bf16 model.megatron_amp_O2=true trainer.devices=4 model.tensor_model_parallel_size=2"
                + " model.sequence_parallel=true model.objective=sigmoid",
        "emoji, trainer.precision=bf16",
        "b32, trainer.precision=32",
        "l14, trainer.precision=bf16 model.memory_budget=20GiB",
        "g14, trainer.precision=bf16 model.activations_checkpoint_granularity=full"
                + " model.activations_checkpoint_method=uniform",
    })
    void compile(String model, String overrides) throws IOException {
        assumeTrue(Nvrtc.isPresent(), "libnvrtc.so.13 is not on the library path");
        var program = folder.resolve(model + ".bin");
        var words =
                new ArrayList<Object>(List.of("compile", Cli.model(model), "-o", program, "--target", "tornadocuda"));
        words.addAll(List.of(overrides.split(" ")));
        var ran = new Cli(folder).run(words.toArray());
        assertThat(ran.code()).as(ran.err()).isZero();
        try (var file = ProgramFile.open(program)) {
            var sources = file.program().prebuilt();
            assertThat(sources).isNotEmpty();
            sources.entrySet().parallelStream().forEach(kernel -> Nvrtc.check(kernel.getKey(), kernel.getValue()));
        }
    }
}
