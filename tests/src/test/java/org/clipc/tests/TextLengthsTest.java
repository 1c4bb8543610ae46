package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.train.Optimizer;
import org.clipc.program.EntryPoint;
import org.clipc.program.Parameter;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.train.TrainStep;
import org.clipc.runtime.train.Utilization;
import org.clipc.runtime.weights.ParameterInitializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program for texts of several lengths computes what the one for the longest does, with less work. */
class TextLengthsTest {

    private static final int BATCH = 4;
    private static final int CONTEXT = 16;
    private static final int VOCABULARY = 97;
    private static final float ROUNDING = 2e-5f;

    @TempDir
    Path folder;

    private static CompileOptions options() {
        return CompileOptions.builder(List.of(new JvmTarget(128)))
                .batch(BATCH)
                .training(new Optimizer(0.9, 0.98, 1e-6, 0.2, 1.0))
                .verifyEach(true)
                .build();
    }

    private Path compile(String name, int... lengths) throws IOException {
        var shorter = new TreeMap<Integer, ElaboratedModel>();
        for (var length : lengths) {
            shorter.put(
                    length, Golden.tiny("text.encoder_seq_length", (long) length, "text.max_position_embeddings", (long)
                            CONTEXT));
        }
        var path = folder.resolve(name);
        ProgramFile.write(
                path,
                ProgramBuilder.build(ModelSource.of(Golden.tiny(), shorter), options())
                        .program());
        return path;
    }

    /** Captions that end, with the largest token, at {@code longest} tokens or before; behind it anything. */
    private static Map<String, HostTensor> batch(int longest, int seed) {
        var random = new SplittableRandom(seed);
        var tokens = new int[BATCH * CONTEXT];
        for (var row = 0; row < BATCH; row++) {
            for (var i = 0; i < CONTEXT; i++) {
                tokens[row * CONTEXT + i] = random.nextInt(VOCABULARY - 1);
            }
            var end = row == 0 ? longest : random.nextInt(2, longest + 1);
            tokens[row * CONTEXT + end - 1] = VOCABULARY - 1;
        }
        var pixels = new float[BATCH * 3 * 32 * 32];
        for (var i = 0; i < pixels.length; i++) {
            pixels[i] = (float) random.nextDouble(-2, 2);
        }
        var inputs = new LinkedHashMap<String, HostTensor>();
        inputs.put("images", HostTensor.of(pixels, BATCH, 3, 32, 32));
        inputs.put("tokens", HostTensor.of(tokens, BATCH, CONTEXT));
        return inputs;
    }

    @Test
    void utilizationCountsTheTextsThatRan() throws IOException {
        try (var device = new JvmDevice(1);
                var file = ProgramFile.open(compile("several.bin", 6, 9));
                var program = device.load(file, List.of(EntryPoint.TRAIN_STEP))) {
            var utilization = Utilization.measure(file, program).orElseThrow();
            var all = utilization.of(List.of(batch(CONTEXT, 1)), 1);
            var texts = file.matrixFlops("encode_text");
            var images = file.matrixFlops("encode_image");
            for (var length : List.of(6, 9)) {
                var shorter = file.matrixFlops(EntryPoint.forTexts("encode_text", length));
                assertThat(shorter).isLessThan(texts);
                assertThat(utilization.of(List.of(batch(length, 1)), 1) / all)
                        .isCloseTo((double) (images + shorter) / (images + texts), within(1e-9));
            }
            assertThat(utilization.of(List.of(batch(6, 1), batch(6, 2)), 4))
                    .isCloseTo(utilization.of(List.of(batch(6, 1)), 2), within(1e-12));
        }
    }

    @Test
    void trainsAlikeOnTheShortestThatHoldsTheBatch() throws IOException {
        var entries = List.of(EntryPoint.TRAIN_STEP);
        try (var device = new JvmDevice(1);
                var oneFile = ProgramFile.open(compile("one.bin"));
                var severalFile = ProgramFile.open(compile("several.bin", 6, 9));
                var one = device.load(oneFile, entries);
                var several = device.load(severalFile, entries)) {
            ParameterInitializer.initialize(one, 5);
            ParameterInitializer.initialize(several, 5);
            assertThat(trained(several, 5)).containsExactly("train_step_6");
            assertThat(trained(several, 6)).containsExactly("train_step_6");
            assertThat(trained(several, 7)).containsExactly("train_step_9");
            assertThat(trained(several, 10)).containsExactly("train_step");
            for (var longest : List.of(5, 6, 7, 10)) {
                trained(one, longest);
            }
            for (var parameter : several.manifest().parameters()) {
                assertAlike(parameter, one, several);
            }
        }
    }

    private static void assertAlike(Parameter parameter, DeviceProgram one, DeviceProgram several) {
        assertThat(several.read(parameter.name()).toFloats())
                .as(parameter.name())
                .containsExactly(one.read(parameter.name()).toFloats(), within(ROUNDING));
    }

    /** Takes a step; the entry points that ran. */
    private static Set<String> trained(DeviceProgram program, int longest) {
        var ran = new TreeSet<String>();
        program.observe((entry, _, _) -> ran.add(entry));
        var outcome = new TrainStep(program, 0).take(longest, 1e-4, batch(longest, longest));
        assertThat(outcome.applied()).isTrue();
        return ran;
    }

    @Test
    void encodesAlike() throws IOException {
        var entries = List.of(EntryPoint.ENCODE_TEXT);
        try (var device = new JvmDevice(2);
                var oneFile = ProgramFile.open(compile("one.bin"));
                var severalFile = ProgramFile.open(compile("several.bin", 6));
                var one = device.load(oneFile, entries);
                var several = device.load(severalFile, entries)) {
            ParameterInitializer.initialize(one, 5);
            ParameterInitializer.initialize(several, 5);
            for (var longest : List.of(3, 6, 7, 16)) {
                Map<String, HostTensor> tokens = Map.of(
                        "tokens", Objects.requireNonNull(batch(longest, 1).get("tokens")));
                assertThat(features(several, tokens)).containsExactly(features(one, tokens), within(ROUNDING));
            }
        }
    }

    private static float[] features(DeviceProgram program, Map<String, HostTensor> tokens) {
        return program.run(EntryPoint.ENCODE_TEXT, tokens)
                .values()
                .iterator()
                .next()
                .toFloats();
    }
}
