package org.clipc.runtime.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.io.AtomicFile;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.tensor.SafetensorsWriter;
import org.clipc.runtime.weights.WeightFile;
import org.jspecify.annotations.Nullable;

/**
 * A folder with all that training needs to go on: {@code model.safetensors}, {@code optimizer.safetensors}, perhaps {@code
 * ema.safetensors}, and {@code state.json}, which is written last and holds size and checksum of the others.
 */
record Checkpoint(Path folder, TrainState state, SortedMap<String, Content> files) {

    static final String MODEL = "model.safetensors";
    static final String OPTIMIZER = "optimizer.safetensors";
    static final String EMA = "ema.safetensors";
    static final String STATE = "state.json";

    private static final int FORMAT = 1;
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    /**
     * What a file must hold.
     *
     * @param crc32c in hexadecimal
     */
    record Content(long bytes, String crc32c) {}

    /** @param check of the rest, so that a changed digit does not pass for another state */
    private record StateFile(int format, TrainState state, SortedMap<String, Content> files, String check) {

        static StateFile of(TrainState state, SortedMap<String, Content> files) throws IOException {
            var crc = new CRC32C();
            crc.update(JSON.writeValueAsBytes(state));
            crc.update(JSON.writeValueAsBytes(files));
            return new StateFile(FORMAT, state, files, Long.toHexString(crc.getValue()));
        }
    }

    /** Writes all files into {@code folder}, which exists and is empty, and forces them to the disk. */
    static void write(Path folder, DeviceProgram program, @Nullable Ema ema, TrainState state) throws IOException {
        for (var content : contents(program, ema).entrySet()) {
            content.getValue().writeTo(folder.resolve(content.getKey()));
        }
        var files = new TreeMap<String, Content>();
        try (var all = Files.list(folder)) {
            for (var file : all.toList()) {
                files.put(file.getFileName().toString(), content(file));
            }
        }
        AtomicFile.writeString(folder.resolve(STATE), JSON.writeValueAsString(StateFile.of(state, files)) + "\n");
    }

    /** Takes part, as a rank, in what the first one writes. */
    static void takePart(DeviceProgram program, @Nullable Ema ema) {
        contents(program, ema).values().forEach(SafetensorsWriter::discard);
    }

    /** By name of the file, in order. */
    private static SortedMap<String, SafetensorsWriter> contents(DeviceProgram program, @Nullable Ema ema) {
        var optimizer = new SafetensorsWriter();
        for (var slot : program.manifest().state()) {
            optimizer.add(
                    slot.name(),
                    DeviceTensors.hostType(slot.type().dtype()),
                    DeviceTensors.hostShape(slot.type().shape()),
                    () -> program.read(slot.name()));
        }
        var contents = new TreeMap<String, SafetensorsWriter>();
        contents.put(MODEL, WeightFile.writer(program));
        contents.put(OPTIMIZER, optimizer);
        if (ema != null) {
            contents.put(EMA, ema.writer());
        }
        return contents;
    }

    /**
     * Reads a checkpoint's state and checks that its files are whole.
     *
     * @throws DataFormatException saying what is wrong with it
     */
    static Checkpoint open(Path folder) throws IOException {
        var path = folder.resolve(STATE);
        if (!Files.isRegularFile(path)) {
            throw new DataFormatException(folder, "is no complete checkpoint: it has no " + STATE);
        }
        StateFile file;
        try {
            file = JSON.readValue(Files.readAllBytes(path), StateFile.class);
        } catch (JsonProcessingException e) {
            throw new DataFormatException(
                    path,
                    "is damaged: " + e.getOriginalMessage().lines().findFirst().orElse(""));
        }
        if (file.format() != FORMAT) {
            throw new DataFormatException(path, "has format " + file.format() + ", not " + FORMAT);
        }
        if (!file.check().equals(StateFile.of(file.state(), file.files()).check())) {
            throw new DataFormatException(path, "is damaged: its checksum does not match");
        }
        for (var expected : file.files().entrySet()) {
            var member = folder.resolve(expected.getKey());
            if (!Files.isRegularFile(member) || !content(member).equals(expected.getValue())) {
                throw new DataFormatException(member, "is missing or damaged: it is not what " + STATE + " says");
            }
        }
        return new Checkpoint(folder, file.state(), file.files());
    }

    /** Sets a program's parameters and optimizer state, and the averages, which start here if there are none yet. */
    void load(DeviceProgram program, @Nullable Ema ema) throws IOException {
        WeightFile.load(folder.resolve(MODEL), program);
        var path = folder.resolve(OPTIMIZER);
        try (var file = SafetensorsFile.open(path)) {
            for (var slot : program.manifest().state()) {
                check(path, file, slot);
                program.write(slot.name(), file.tensor(slot.name()));
            }
        }
        if (ema != null && files.containsKey(EMA)) {
            ema.load(folder.resolve(EMA));
        } else if (ema != null) {
            ema.restart();
        }
    }

    private static void check(Path path, SafetensorsFile file, TensorSlot slot) {
        var shape = file.tensor(slot.name()).shape();
        if (!shape.equals(DeviceTensors.hostShape(slot.type().shape()))) {
            throw new DataFormatException(
                    path, "holds '" + slot.name() + "' as " + shape + ", but the program has it as " + slot.type());
        }
    }

    private static Content content(Path file) throws IOException {
        var crc = new CRC32C();
        var bytes = 0L;
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            var buffer = ByteBuffer.allocateDirect(1 << 20);
            for (var read = channel.read(buffer); read >= 0; read = channel.read(buffer.clear())) {
                crc.update(buffer.flip());
                bytes += read;
            }
        }
        return new Content(bytes, Long.toHexString(crc.getValue()));
    }
}
