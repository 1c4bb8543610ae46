package org.clipc.runtime.device;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.io.AtomicFile;
import org.clipc.runtime.io.DataFormatException;

/**
 * What tuning a program found, beside the program: {@code b32.tune.json} for {@code b32.bin}. It holds for that program on
 * that device only. It makes nothing right or wrong, only faster: so one that does not fit, or is damaged, is ignored, with
 * a warning.
 *
 * @param program {@link ProgramFile#checksum}
 * @param device {@link Device#identity}
 * @param options by choice, those that are not the default
 */
public record TuningFile(String program, String device, Map<String, String> options) {

    private static final int VERSION = 1;
    private static final long MOST_BYTES = 64L << 20;

    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    public TuningFile {
        options = Map.copyOf(options);
    }

    /** Where it lies for a program. */
    public static Path beside(Path program) {
        var name = String.valueOf(program.getFileName());
        var stem = name.endsWith(".bin") ? name.substring(0, name.length() - 4) : name;
        return program.resolveSibling(stem + ".tune.json");
    }

    /** Replaces {@code path}. */
    public void write(Path path) throws IOException {
        var root = JSON.createObjectNode();
        root.put("format", VERSION).put("program", program).put("device", device);
        var listed = root.putObject("options");
        new TreeMap<>(options).forEach(listed::put);
        AtomicFile.writeString(path, JSON.writeValueAsString(root) + "\n");
    }

    /** @throws DataFormatException if it is no such file, saying what is wrong */
    static TuningFile read(Path path) throws IOException {
        if (Files.size(path) > MOST_BYTES) {
            throw new DataFormatException(path, "is larger than any tuning is");
        }
        try {
            var root = JSON.readTree(path.toFile());
            if (root == null || !root.isObject()) {
                throw new DataFormatException(path, "holds no JSON object");
            }
            if (root.path("format").asInt() != VERSION) {
                throw new DataFormatException(path, "has no format " + VERSION);
            }
            return new TuningFile(text(path, root, "program"), text(path, root, "device"), options(path, root));
        } catch (JsonProcessingException e) {
            throw new DataFormatException(
                    path.toString(), "is not the JSON expected here: " + e.getOriginalMessage(), e);
        }
    }

    private static String text(Path path, JsonNode root, String field) {
        var value = root.get(field);
        if (value == null || !value.isTextual()) {
            throw new DataFormatException(path, DataFormatException.quote(field), "must be a string");
        }
        return value.textValue();
    }

    private static Map<String, String> options(Path path, JsonNode root) {
        var listed = root.get("options");
        if (listed == null || !listed.isObject()) {
            throw new DataFormatException(path, "options", "must be an object");
        }
        var options = new TreeMap<String, String>();
        listed.properties().forEach(option -> options.put(option.getKey(), text(path, listed, option.getKey())));
        return options;
    }

    /**
     * Makes a loaded program's calls as the file beside it says, if there is one.
     *
     * @param device that it is loaded on
     * @return why the file is ignored; empty if it is not
     */
    public static Optional<String> apply(ProgramFile file, String device, DeviceProgram program) throws IOException {
        var path = beside(file.path());
        if (!Files.isRegularFile(path)) {
            return Optional.empty();
        }
        try {
            var tuning = read(path);
            if (!tuning.program().equals(file.checksum())) {
                return ignored(path + ": was made for another program than " + file.path());
            }
            if (!tuning.device().equals(device)) {
                return ignored(path + ": was made for " + DataFormatException.quote(tuning.device()) + ", and this is "
                        + DataFormatException.quote(device));
            }
            program.tune(tuning.options());
            return Optional.empty();
        } catch (DataFormatException e) {
            return ignored(String.valueOf(e.getMessage()));
        } catch (IllegalArgumentException e) {
            return ignored(path + ": " + e.getMessage());
        }
    }

    private static Optional<String> ignored(String why) {
        return Optional.of(why + "; it is ignored, tune the program again");
    }
}
