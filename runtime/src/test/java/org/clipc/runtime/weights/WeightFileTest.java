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

    /** The toy model's tensors under Hugging Face's names: token 2 has the embedding 16, 17, …, 23. */
    private SafetensorsWriter huggingFace(TensorDType type, Arena arena) {
        var proj = counting(ToyProgram.DIM, ToyProgram.PIXELS);
        var table = counting(VOCABULARY, ToyProgram.DIM);
        return new SafetensorsWriter()
                .add("visual_projection.weight", proj.convert(type, arena))
                .add("text_model.embeddings.token_embedding.weight", table.convert(type, arena))
                .add("text_model.embeddings.position_ids", HostTensor.of(new long[] {0, 1, 2}, 1, 3))
                .add("logit_scale", HostTensor.of(new float[] {2.5f}).convert(type, arena));
    }

    private static HostTensor counting(int rows, int columns) {
        var values = new float[rows * columns];
        for (var i = 0; i < values.length; i++) {
            values[i] = i;
        }
        return HostTensor.of(values, rows, columns);
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "F32", "F64"})
    void readsHuggingFaceNamesAndTurnsProjections(TensorDType type) throws IOException {
        var path = folder.resolve("w.safetensors");
        try (var arena = Arena.ofConfined()) {
            huggingFace(type, arena).writeTo(path);
        }
        WeightFile.load(path, program);
        assertThat(program.read("logit_scale").toFloats()).containsExactly(2.5f);
        assertThat(program.read("token_embedding.weight").toFloats()).startsWith(0, 1, 2);
        // Row 1 of the program's projection is column 1 of the file's.
        var proj = program.read("visual.proj").toFloats();
        for (var i = 0; i < ToyProgram.DIM; i++) {
            assertThat(proj[ToyProgram.DIM + i]).isEqualTo(i * ToyProgram.PIXELS + 1);
        }
    }

    @Test
    void tellsOfHuggingFacesTensorsByTheirNames() throws IOException {
        var path = folder.resolve("w.safetensors");
        try (var arena = Arena.ofConfined()) {
            huggingFace(TensorDType.F32, arena)
                    .add("visual.proj", counting(ToyProgram.PIXELS, ToyProgram.DIM))
                    .writeTo(path);
        }
        assertThatThrownBy(() -> WeightFile.load(path, program))
                .isInstanceOf(DataFormatException.class)
                .hasMessage(
                        path + ": does not hold the weights of this model under the names of transformers' CLIPModel: "
                                + "it has besides visual.proj");
    }

    @Test
    void exportsOnlyWholeModels() {
        var to = folder.resolve("hf.safetensors");
        assertThatThrownBy(() -> WeightExport.write(
                        folder.resolve("w.safetensors"), program.manifest(), WeightFormat.HUGGINGFACE, to))
                .isInstanceOf(DataFormatException.class)
                .hasMessageStartingWith("Toy: cannot be written under the names of transformers' CLIPModel: "
                        + "it has nothing to give to text_model.embeddings.position_embedding.weight, ");
        assertThat(to).doesNotExist();
    }
}
