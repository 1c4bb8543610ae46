package org.clipc.runtime.weights;

import java.io.IOException;
import java.nio.file.Path;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.tensor.SafetensorsWriter;

/**
 * Parameters in safetensors files. Read under the names of any {@link WeightFormat}, which those in the file tell, with
 * element types converted; written under open_clip's state-dict names, which are the programs' own.
 */
public final class WeightFile {

    private WeightFile() {}

    /**
     * Sets every parameter of a program.
     *
     * @throws DataFormatException naming all tensors that the file lacks, has besides, or has in another shape
     */
    public static void load(Path path, DeviceProgram program) throws IOException {
        try (var file = SafetensorsFile.open(path)) {
            var parameters = program.manifest().parameters();
            var weights = new StoredWeights(path, file, parameters);
            for (var parameter : parameters) {
                program.write(parameter.name(), weights.tensor(parameter));
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
}
