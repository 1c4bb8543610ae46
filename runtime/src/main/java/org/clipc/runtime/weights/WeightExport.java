package org.clipc.runtime.weights;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.tensor.SafetensorsWriter;

/** Writes a file's weights under other names; their element types stay what they are. */
public final class WeightExport {

    private WeightExport() {}

    /**
     * Reads weights under the names of any format and writes them under those of one.
     *
     * @param manifest of the program whose parameters {@code from} holds
     * @throws DataFormatException if it does not hold them, or files of that format cannot
     */
    public static void write(Path from, Manifest manifest, WeightFormat format, Path to) throws IOException {
        var parameters = manifest.parameters().stream()
                .map(p -> p.withType(p.whole(manifest.mesh())))
                .toList();
        var layout = layout(manifest.model(), parameters, format);
        try (var file = SafetensorsFile.open(from)) {
            var weights = new StoredWeights(from, file, parameters);
            var writer = new SafetensorsWriter().metadata("format", "pt");
            for (var parameter : parameters) {
                add(writer, weights, parameter, layout.of(parameter));
            }
            writer.writeTo(to);
        }
    }

    private static void add(SafetensorsWriter writer, StoredWeights weights, Parameter parameter, Stored stored) {
        for (var i = 0; i < stored.names().size(); i++) {
            var index = i;
            writer.add(
                    stored.names().get(i),
                    weights.elementType(parameter),
                    stored.shape(StoredWeights.shape(parameter)),
                    () -> stored.part(weights.tensor(parameter), index));
        }
    }

    private static WeightLayout layout(String model, List<Parameter> parameters, WeightFormat format) {
        var nearest = format.layouts(parameters).stream()
                .min(Comparator.comparingInt(
                        layout -> layout.unnamed(parameters).size()
                                + layout.absent(parameters).size()))
                .orElseThrow();
        var unnamed = nearest.unnamed(parameters);
        var absent = nearest.absent(parameters);
        var reasons = new ArrayList<String>();
        if (!unnamed.isEmpty()) {
            reasons.add("there is none for its parameters " + StoredWeights.listed(unnamed));
        }
        if (!absent.isEmpty()) {
            reasons.add("it has nothing to give to " + StoredWeights.listed(absent));
        }
        if (!reasons.isEmpty()) {
            throw new DataFormatException(
                    model,
                    "cannot be written" + nearest.under() + ": " + String.join("; ", reasons)
                            + " (open_clip's names, --format open_clip, take every model)");
        }
        return nearest;
    }
}
