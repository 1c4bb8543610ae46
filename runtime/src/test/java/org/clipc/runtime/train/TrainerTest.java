package org.clipc.runtime.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.clipc.ir.Mesh;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.testing.ToyProgram;
import org.clipc.runtime.train.Trainer.End;
import org.clipc.runtime.weights.ParameterInitializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainerTest {

    private static final LearningRate RATE = new LearningRate.CosineAnnealing(1e-2, 2, 0, 0, 40);

    @TempDir
    Path folder;

    private final List<TrainListener.Step> steps = new ArrayList<>();
    private JvmDevice device;
    private Path graph;

    @BeforeEach
    void open() throws IOException {
        device = new JvmDevice(1);
        graph = ToyProgram.write(folder.resolve("toy.bin"), ToyBatches.VOCABULARY);
    }

    @AfterEach
    void close() {
        device.close();
    }

    private DeviceProgram load() throws IOException {
        try (var file = ProgramFile.open(graph)) {
            var program = device.load(file, List.of("train_step"));
            ParameterInitializer.initialize(program, 1);
            return program;
        }
    }

    private Trainer.Settings settings(String out, long maxSteps, long every) {
        return new Trainer.Settings(
                folder.resolve(out), new Schedule.Fixed(maxSteps, RATE), every, 2, 3, 0.9, 5, "r", null);
    }

    private End train(DeviceProgram program, Trainer.Settings settings, boolean resume, BatchSource.Opener data)
            throws IOException {
        return new Trainer(program, settings, List.of(steps::add)).run(data, resume, () -> false);
    }

    private Map<String, List<Byte>> files(String checkpoint) throws IOException {
        var files = new TreeMap<String, List<Byte>>();
        try (var all = Files.list(folder.resolve(checkpoint))) {
            for (var file : all.toList()) {
                var bytes = new ArrayList<Byte>();
                for (var b : Files.readAllBytes(file)) {
                    bytes.add(b);
                }
                files.put(file.getFileName().toString(), bytes);
            }
        }
        return files;
    }

    private List<String> names(String out) throws IOException {
        try (var all = Files.list(folder.resolve(out))) {
            return all.map(p -> p.getFileName().toString())
                    .filter(name -> !name.equals(".lock"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void learns() throws IOException {
        try (var program = load()) {
            assertThat(train(program, settings("a", 40, 0), false, ToyBatches.endless()))
                    .isEqualTo(End.DONE);
        }
        assertThat(steps).hasSize(40);
        assertThat(steps.getLast().loss()).isLessThan(0.5 * steps.getFirst().loss());
        assertThat(steps.getFirst().learningRate()).isEqualTo(1e-2 / 3);
        assertThat(names("a")).containsExactly("step-40");
    }

    @Test
    void resumesBitForBit() throws IOException {
        try (var program = load()) {
            train(program, settings("straight", 6, 0), false, ToyBatches.endless());
        }
        try (var program = load()) {
            train(program, settings("broken", 3, 0), false, ToyBatches.endless());
        }
        try (var program = load()) {
            ParameterInitializer.initialize(program, 99);
            train(program, settings("broken", 6, 0), true, ToyBatches.endless());
        }
        assertThat(files("broken/step-6"))
                .containsOnlyKeys("model.safetensors", "optimizer.safetensors", "ema.safetensors", "state.json")
                .isEqualTo(files("straight/step-6"));
        assertThat(files("broken/step-3").get("model.safetensors"))
                .isNotEqualTo(files("straight/step-6").get("model.safetensors"));
        assertThat(steps.subList(6, 12))
                .extracting(TrainListener.Step::loss)
                .isEqualTo(steps.subList(0, 6).stream()
                        .map(TrainListener.Step::loss)
                        .toList());
    }

    @Test
    void stopsWhenAskedAndSaves() throws IOException {
        try (var program = load()) {
            var trainer = new Trainer(program, settings("a", 100, 0), List.of(steps::add));
            assertThat(trainer.run(ToyBatches.endless(), false, () -> steps.size() == 4))
                    .isEqualTo(End.STOPPED);
        }
        assertThat(names("a")).containsExactly("step-4");
    }

    @Test
    void endsWithTheDataAndKeepsTheNewestCheckpoints() throws IOException {
        try (var program = load()) {
            assertThat(train(program, settings("a", 100, 2), false, p -> new ToyBatches(p, 7)))
                    .isEqualTo(End.DATA_ENDED);
            assertThat(names("a")).containsExactly("step-6", "step-7");
            assertThat(train(program, settings("a", 100, 2), true, p -> new ToyBatches(p, 7)))
                    .isEqualTo(End.DATA_ENDED);
        }
        assertThat(steps).hasSize(7);
        assertThat(names("a")).containsExactly("step-6", "step-7");
    }

    /** Batch i with a pixel that is not a number if {@code broken} has i. */
    private static BatchSource.Opener withBroken(List<Long> broken) {
        return start -> new BatchSource() {
            private final ToyBatches batches = new ToyBatches(start, Long.MAX_VALUE);

            @Override
            public Optional<Map<String, HostTensor>> next() {
                var isBroken = broken.contains(Long.parseLong(batches.position()));
                var batch = new HashMap<>(batches.next().orElseThrow());
                if (isBroken) {
                    var pixels = Objects.requireNonNull(batch.get("images")).toFloats();
                    pixels[5] = Float.NaN;
                    batch.put("images", HostTensor.of(pixels, ToyProgram.BATCH, 3, ToyProgram.SIZE, ToyProgram.SIZE));
                }
                return Optional.of(batch);
            }

            @Override
            public String position() {
                return batches.position();
            }

            @Override
            public void close() {}
        };
    }

    @Test
    void skipsBatchesThatAreNotFinite() throws IOException {
        try (var program = load()) {
            train(program, settings("a", 6, 0), false, withBroken(List.of(2L, 3L)));
            assertThat(program.read("visual.proj").toFloats()).doesNotContain(Float.NaN);
        }
        assertThat(steps)
                .extracting(TrainListener.Step::skipped)
                .containsExactly(false, false, true, true, false, false);
        assertThat(Files.readString(folder.resolve("a/step-6/state.json")))
                .contains("\"step\" : 6", "\"updates\" : 4", "\"skipped\" : 2", "\"position\" : \"6\"");
    }

    @Test
    void givesUpAfterTooManyInARow() throws IOException {
        try (var program = load()) {
            assertThatThrownBy(
                            () -> train(program, settings("a", 9, 2), false, withBroken(List.of(1L, 3L, 4L, 5L, 6L))))
                    .isInstanceOf(TrainingFailedException.class)
                    .hasMessageContaining("stopped at step 6: the loss or the gradient of 3 batches in a row");
        }
        assertThat(names("a")).containsExactly("step-2", "step-4");
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "optimizer.safetensors", "ema.safetensors", "state.json"})
    void passesOverDamagedCheckpoints(String file) throws IOException {
        try (var program = load()) {
            train(program, settings("a", 4, 2), false, ToyBatches.endless());
        }
        var damaged = folder.resolve("a/step-4").resolve(file);
        var bytes = Files.readAllBytes(damaged);
        bytes[bytes.length / 2] ^= 4;
        Files.write(damaged, bytes);
        steps.clear();
        try (var program = load()) {
            train(program, settings("a", 4, 2), true, ToyBatches.endless());
        }
        assertThat(steps).extracting(TrainListener.Step::step).containsExactly(3L, 4L);
    }

    @Test
    void noticesAChangedDigitInTheState() throws IOException {
        try (var program = load()) {
            train(program, settings("a", 4, 2), false, ToyBatches.endless());
        }
        var state = folder.resolve("a/step-4/state.json");
        Files.writeString(state, Files.readString(state).replace("\"position\" : \"4\"", "\"position\" : \"5\""));
        assertThatThrownBy(() -> Checkpoint.open(folder.resolve("a/step-4")))
                .isInstanceOf(DataFormatException.class)
                .hasMessageContaining("its checksum does not match");
    }

    @Test
    void clearsAwayWhatWasLeftHalfWritten() throws IOException {
        Files.createDirectories(folder.resolve("a/step-9.partial"));
        Files.writeString(folder.resolve("a/step-9.partial/model.safetensors"), "half");
        try (var program = load()) {
            train(program, settings("a", 2, 0), true, ToyBatches.endless());
        }
        assertThat(names("a")).containsExactly("step-2");
    }

    @Test
    void neverOverwritesAnotherTraining() throws IOException {
        try (var program = load()) {
            train(program, settings("a", 2, 0), false, ToyBatches.endless());
            assertThatThrownBy(() -> train(program, settings("a", 4, 0), false, ToyBatches.endless()))
                    .isInstanceOf(DataFormatException.class)
                    .hasMessageContaining("has a training that reached step 2: give --resume");
            assertThatThrownBy(() -> train(program, settings("b", 4, 0), false, position -> {
                        train(program, settings("b", 4, 0), false, ToyBatches.endless());
                        return new ToyBatches(position, 1);
                    }))
                    .isInstanceOf(DataFormatException.class)
                    .hasMessageContaining("is in use by another training");
        }
    }

    /** As two machines would, if only one of them saw the folder that holds the checkpoints. */
    @Test
    void ranksThatSeeOtherCheckpointsDoNotTrain() throws IOException {
        try (var program = load()) {
            train(program, settings("seen", 3, 0), false, ToyBatches.endless());
        }
        Files.createDirectory(folder.resolve("unseen"));
        var told = new ConcurrentLinkedQueue<String>();
        assertThatThrownBy(() -> LocalRanks.<IOException>run(2, CollectiveOptions.DEFAULT, ends -> {
                    var rank = MeshRank.of(new Mesh(2, 1), ends);
                    var settings = settings(rank.isFirst() ? "seen" : "unseen", 6, 0);
                    try (var program = load()) {
                        new Trainer(program, settings, List.of(), rank).run(ToyBatches.endless(), true, () -> false);
                    } catch (DataFormatException e) {
                        told.add(e.getMessage());
                        throw e;
                    }
                }))
                .isInstanceOf(DataFormatException.class);
        assertThat(told)
                .containsExactlyInAnyOrder(
                        folder.resolve("seen")
                                + ": rank 0 would go on from step 3 here, but not all ranks would: let all"
                                + " of them, on whatever machine, see the same checkpoints",
                        folder.resolve("unseen") + ": rank 1 would go on from step 0 here, but not all ranks would: let"
                                + " all of them, on whatever machine, see the same checkpoints");
    }

    /** Without averages where {@code decay} is null. */
    private Trainer.Settings settings(long maxSteps, int keep, @Nullable Double decay) {
        return new Trainer.Settings(
                folder.resolve("a"), new Schedule.Fixed(maxSteps, RATE), 0, keep, 3, decay, 5, "r", null);
    }

    @Test
    void aDamagedCheckpointIsNotKeptInPlaceOfANewOne() throws IOException {
        try (var program = load()) {
            train(program, settings("a", 4, 2), false, ToyBatches.endless());
            Files.writeString(folder.resolve("a/step-4/model.safetensors"), "damaged");
            train(program, settings(3, 1, 0.9), true, ToyBatches.endless());
        }
        assertThat(names("a")).contains("step-3").doesNotContain("step-2");
        assertThat(CheckpointFolder.parameters(folder.resolve("a")))
                .isEqualTo(folder.resolve("a/step-3/model.safetensors"));
    }

    @Test
    void averagesThatBeginLaterBeginWithTheParametersThere() throws IOException {
        try (var program = load()) {
            train(program, settings(3, 2, null), false, ToyBatches.endless());
        }
        try (var program = load()) {
            train(program, settings(4, 2, 1.0), true, ToyBatches.endless());
        }
        try (var before = SafetensorsFile.open(folder.resolve("a/step-3/model.safetensors"));
                var averages = SafetensorsFile.open(folder.resolve("a/step-4/ema.safetensors"))) {
            assertThat(averages.tensor("visual.proj").toFloats())
                    .isEqualTo(before.tensor("visual.proj").toFloats());
        }
    }
}
