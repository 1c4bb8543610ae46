package org.clipc.runtime.weights;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.clipc.program.Parameter;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.tensor.SafetensorsWriter;
import org.clipc.runtime.tensor.TensorInfo;

/**
 * Parameters in safetensors files under open_clip's state-dict names, which are the programs' own. A {@code module.}
 * before every name, as torch's DistributedDataParallel leaves it, is taken off; element types are converted.
 */
public final class WeightFile {

    private static final String WRAPPER = "module.";

    /** Buffers that state dicts of open_clip and OpenAI's CLIP carry and that are no parameters. */
    private static final Set<String> BUFFERS =
            Set.of("attn_mask", "context_length", "input_resolution", "vocab_size", "text.attn_mask");

    private static final int MOST_LISTED = 8;

    private WeightFile() {}

    /**
     * Sets every parameter of a program.
     *
     * @throws DataFormatException naming all parameters that the file lacks, has besides, or has in another shape
     */
    public static void load(Path path, DeviceProgram program) throws IOException {
        try (var file = SafetensorsFile.open(path)) {
            var stored = storedNames(file);
            check(path, file, stored, program.manifest().parameters());
            for (var parameter : program.manifest().parameters()) {
                var name = stored.get(parameter.name());
                if (name != null) {
                    program.write(parameter.name(), file.tensor(name));
                }
            }
        }
    }

    /** Writes every parameter of a program. */
    public static void save(Path path, DeviceProgram program) throws IOException {
        writer(program).writeTo(path);
    }

    /** Of every parameter of a program. */
    public static SafetensorsWriter writer(DeviceProgram program) {
        var writer = new SafetensorsWriter().metadata("format", "pt");
        for (var parameter : program.manifest().parameters()) {
            writer.add(
                    parameter.name(),
                    DeviceTensors.hostType(parameter.type().dtype()),
                    DeviceTensors.hostShape(parameter.type().shape()),
                    () -> program.read(parameter.name()));
        }
        return writer;
    }

    /** The names in the file by the program's names. */
    private static Map<String, String> storedNames(SafetensorsFile file) {
        var wrapped = file.names().stream().allMatch(name -> name.startsWith(WRAPPER));
        var stored = new HashMap<String, String>();
        for (var name : file.names()) {
            stored.put(wrapped ? name.substring(WRAPPER.length()) : name, name);
        }
        return stored;
    }

    private static void check(Path path, SafetensorsFile file, Map<String, String> stored, List<Parameter> parameters) {
        var missing = new ArrayList<String>();
        var different = new ArrayList<String>();
        var unexpected = new ArrayList<>(stored.keySet());
        unexpected.removeAll(BUFFERS);
        for (var parameter : parameters) {
            unexpected.remove(parameter.name());
            var name = stored.get(parameter.name());
            if (name == null) {
                missing.add(parameter.name());
            } else if (!fits(parameter, file.info(name).orElseThrow())) {
                different.add(
                        parameter.name() + " " + file.info(name).orElseThrow().shape() + " instead of "
                                + parameter.type().shape());
            }
        }
        var problems = new ArrayList<String>();
        list(problems, "lacks", missing);
        list(problems, "has besides", unexpected);
        list(problems, "has in another shape", different);
        if (!problems.isEmpty()) {
            throw new DataFormatException(
                    path, "does not hold the weights of this model: " + String.join("; ", problems));
        }
    }

    private static boolean fits(Parameter parameter, TensorInfo info) {
        var shape = DeviceTensors.hostShape(parameter.type().shape());
        return info.shape().equals(shape) || (shape.isEmpty() && info.shape().equals(List.of(1L)));
    }

    private static void list(List<String> problems, String what, List<String> names) {
        if (names.isEmpty()) {
            return;
        }
        names.sort(null);
        var shown = String.join(", ", names.subList(0, Math.min(MOST_LISTED, names.size())));
        var rest = names.size() > MOST_LISTED ? " and " + (names.size() - MOST_LISTED) + " more" : "";
        problems.add("it " + what + " " + shown + rest);
    }
}
