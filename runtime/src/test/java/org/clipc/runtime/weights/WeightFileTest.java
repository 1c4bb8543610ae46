package org.clipc.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsWriter;
import org.clipc.runtime.tensor.TensorDType;
import org.clipc.runtime.testing.ToyProgram;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WeightFileTest {

    private static final int VOCABULARY = 11;

    @TempDir
    Path folder;

    private JvmDevice device;
    private DeviceProgram program;

    @BeforeEach
    void load() throws IOException {
        device = new JvmDevice(1);
        try (var file = ProgramFile.open(ToyProgram.write(folder.resolve("toy.bin"), VOCABULARY))) {
            program = device.load(file, List.of("loss"));
        }
        ParameterInitializer.initialize(program, 3);
    }

    @AfterEach
    void close() {
        program.close();
        device.close();
    }

    @Test
    void loadsWhatItSaved() throws IOException {
        var before = program.read("visual.proj").toFloats();
        WeightFile.save(folder.resolve("w.safetensors"), program);
        ParameterInitializer.initialize(program, 4);
        assertThat(program.read("visual.proj").toFloats()).isNotEqualTo(before);
        WeightFile.load(folder.resolve("w.safetensors"), program);
        assertThat(program.read("visual.proj").toFloats()).isEqualTo(before);
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "F64"})
    void convertsElementTypesAndTakesWrappersOff(TensorDType type) throws IOException {
        try (var arena = Arena.ofConfined()) {
            var proj = HostTensor.of(new float[ToyProgram.PIXELS * ToyProgram.DIM], ToyProgram.PIXELS, ToyProgram.DIM);
            var table = HostTensor.of(new float[VOCABULARY * ToyProgram.DIM], VOCABULARY, ToyProgram.DIM);
            new SafetensorsWriter()
                    .add("module.visual.proj", proj.convert(type, arena))
                    .add("module.token_embedding.weight", table.convert(type, arena))
                    .add("module.logit_scale", HostTensor.of(new float[] {2.5f}).convert(type, arena))
                    .add("module.attn_mask", table.convert(type, arena))
                    .writeTo(folder.resolve("w.safetensors"));
        }
        WeightFile.load(folder.resolve("w.safetensors"), program);
        assertThat(program.read("logit_scale").toFloats()).containsExactly(2.5f);
        assertThat(program.read("visual.proj").toFloats()).containsOnly(0f);
    }

    @Test
    void tellsAllDifferencesAtOnce() throws IOException {
        var path = folder.resolve("w.safetensors");
        new SafetensorsWriter()
                .add("logit_scale", HostTensor.of(new float[] {1, 2}, 2))
                .add("visual.proj", HostTensor.of(new float[] {1, 2}, 2))
                .add("visual.conv1.weight", HostTensor.of(new float[] {1, 2}, 2))
                .writeTo(path);
        assertThatThrownBy(() -> WeightFile.load(path, program))
                .isInstanceOf(DataFormatException.class)
                .hasMessage(path + ": does not hold the weights of this model: it lacks token_embedding.weight; "
                        + "it has besides visual.conv1.weight; it has in another shape logit_scale [2] instead of [], "
                        + "visual.proj [2] instead of [192,8]");
    }
}
