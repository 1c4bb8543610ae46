package org.clipc.runtime.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.clipc.program.Choice;
import org.clipc.program.EntryPoint;
import org.clipc.program.Program;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.testing.ToyProgram;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TuningFileTest {

    private static final String CHOICE = "Toy 4x192x8";

    @TempDir
    Path folder;

    private Path path;

    /** A toy whose encoder of images may be told to do nothing, which shows in the features. */
    @BeforeEach
    void write() throws IOException {
        path = folder.resolve("toy.bin");
        var toy = ToyProgram.program(20);
        var schedules = new ArrayList<Schedule>();
        for (var schedule : toy.schedules()) {
            var nothing = List.of(new Choice.Patch(0, 0, 0, new TreeMap<>()));
            var choice = new Choice(CHOICE, List.of(0), Map.of("nothing", nothing));
            schedules.add(new Schedule(
                    schedule.entry(),
                    schedule.target(),
                    schedule.workspaceBytes(),
                    schedule.ints(),
                    schedule.places(),
                    schedule.constants(),
                    schedule.calls(),
                    List.of(choice)));
        }
        ProgramFile.write(
                path,
                new Program(toy.manifest(), toy.graphs(), schedules, toy.kernels(), toy.prebuilt(), toy.sources()));
    }

    private TuningFile tuning(String option) throws IOException {
        try (var file = ProgramFile.open(path);
                var device = new JvmDevice(1)) {
            return new TuningFile(file.checksum(), device.identity(), Map.of(CHOICE, option));
        }
    }

    /** Whether the encoder works, or was tuned to do nothing. */
    private boolean encodes() throws IOException {
        try (var file = ProgramFile.open(path);
                var device = new JvmDevice(1);
                var program = device.load(file, List.of(EntryPoint.ENCODE_IMAGE))) {
            var weights = new float[ToyProgram.PIXELS * ToyProgram.DIM];
            Arrays.fill(weights, 1);
            program.write("visual.proj", HostTensor.of(weights, ToyProgram.PIXELS, ToyProgram.DIM));
            var pixels = new float[ToyProgram.BATCH * ToyProgram.PIXELS];
            Arrays.fill(pixels, 1);
            var images = HostTensor.of(pixels, ToyProgram.BATCH, 3, ToyProgram.SIZE, ToyProgram.SIZE);
            var features = program.run(EntryPoint.ENCODE_IMAGE, Map.of("images", images));
            return features.values().iterator().next().toFloats()[0] != 0;
        }
    }

    private String warning() throws IOException {
        try (var file = ProgramFile.open(path);
                var device = new JvmDevice(1);
                var program = device.load(file, List.of(EntryPoint.ENCODE_IMAGE))) {
            return TuningFile.apply(file, device.identity(), program).orElse("");
        }
    }

    @Test
    void isFollowedBesideItsProgram() throws IOException {
        assertThat(encodes()).isTrue();
        assertThat(warning()).isEmpty();
        var beside = TuningFile.beside(path);
        assertThat(beside).hasFileName("toy.tune.json");
        tuning("nothing").write(beside);
        assertThat(TuningFile.read(beside)).isEqualTo(tuning("nothing"));
        assertThat(warning()).isEmpty();
        assertThat(encodes()).isFalse();
    }

    @Test
    void isIgnoredElsewhere() throws IOException {
        var beside = TuningFile.beside(path);
        var right = tuning("nothing");
        new TuningFile("0".repeat(64), right.device(), right.options()).write(beside);
        assertThat(warning()).contains("toy.tune.json: was made for another program than", "it is ignored");
        assertThat(encodes()).isTrue();
        new TuningFile(right.program(), "an abacus", right.options()).write(beside);
        assertThat(warning()).contains("toy.tune.json: was made for 'an abacus', and this is 'JVM kernels on");
        assertThat(encodes()).isTrue();
        tuning("everything").write(beside);
        assertThat(warning()).contains("'" + CHOICE + "' has no option 'everything'", "it is ignored");
        assertThat(encodes()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "|holds no JSON object",
                "[]|holds no JSON object",
                "{|is not the JSON expected here",
                "{}|has no format 1",
                "{\"format\":2}|has no format 1",
                "{\"format\":1}|'program': must be a string",
                "{\"format\":1,\"program\":\"a\",\"device\":3}|'device': must be a string",
                "{\"format\":1,\"program\":\"a\",\"device\":\"b\"}|options: must be an object",
                "{\"format\":1,\"program\":\"a\",\"device\":\"b\",\"options\":[]}|options: must be an object",
                "{\"format\":1,\"program\":\"a\",\"device\":\"b\",\"options\":{\"x\":1}}|'x': must be a string",
                "{\"format\":1,\"format\":1}|Duplicate",
                "{\"format\":1} {}|is not the JSON expected here",
            })
    void malformedOnesAreNamedAndIgnored(String json, String message) throws IOException {
        var beside = TuningFile.beside(path);
        Files.writeString(beside, json == null ? "" : json);
        assertThatThrownBy(() -> TuningFile.read(beside))
                .isInstanceOf(DataFormatException.class)
                .hasMessageContaining("toy.tune.json: ")
                .hasMessageContaining(message);
        assertThat(warning()).contains(message, "it is ignored").hasLineCount(1);
        assertThat(encodes()).isTrue();
    }

    @Test
    void damageIsSurvived() throws IOException {
        var beside = TuningFile.beside(path);
        tuning("nothing").write(beside);
        var whole = Files.readAllBytes(beside);
        var seed = new Random().nextLong();
        var random = new Random(seed);
        for (var i = 0; i < 300; i++) {
            var bytes = whole.clone();
            for (var flips = 1 + random.nextInt(3); flips > 0; flips--) {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            Files.write(beside, bytes);
            try {
                TuningFile.read(beside);
            } catch (DataFormatException e) {
                assertThat(e).as("seed %d, case %d", seed, i).hasMessageContaining("toy.tune.json: ");
            }
        }
    }
}
