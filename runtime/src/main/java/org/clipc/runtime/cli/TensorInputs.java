package org.clipc.runtime.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.ir.DType;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;

/** Finds an entry point's inputs among the tensors of a file, under the program's names or those in common use. */
final class TensorInputs {

    private static final Map<String, List<String>> ALIASES = Map.of(
            "images", List.of("images", "image", "pixel_values"),
            "tokens", List.of("tokens", "texts", "text", "input_ids"));

    private TensorInputs() {}

    /**
     * The inputs that {@code entry} takes as a batch (scalars are left out).
     *
     * @param anyBatch whether the first dimension may differ from the compiled one
     * @throws DataFormatException if the file lacks one, or has it in a shape or with values that do not fit
     */
    static Map<String, HostTensor> find(SafetensorsFile file, Manifest manifest, EntryPoint entry, boolean anyBatch) {
        var inputs = new LinkedHashMap<String, HostTensor>();
        for (var slot : entry.inputs()) {
            if (slot.type().rank() > 1) {
                inputs.put(slot.name(), find(file, manifest, entry, slot, anyBatch));
            }
        }
        return inputs;
    }

    private static HostTensor find(
            SafetensorsFile file, Manifest manifest, EntryPoint entry, TensorSlot slot, boolean anyBatch) {
        var names = ALIASES.getOrDefault(slot.name(), List.of(slot.name()));
        var name = names.stream()
                .filter(file::contains)
                .findFirst()
                .orElseThrow(() -> new DataFormatException(
                        file.path(),
                        "has no tensor named " + String.join(" or ", names) + ", which entry '" + entry.name()
                                + "' needs; it has " + file.names()));
        var tensor = file.tensor(name);
        checkShape(file.path(), name, tensor, entry, slot, anyBatch);
        if (slot.type().dtype() == DType.I32) {
            checkTokens(file.path(), name, tensor, manifest);
        }
        return tensor;
    }

    private static void checkShape(
            Path path, String name, HostTensor tensor, EntryPoint entry, TensorSlot slot, boolean anyBatch) {
        var expected = new ArrayList<>(DeviceTensors.hostShape(slot.type().shape()));
        var fits = tensor.shape().size() == expected.size()
                && tensor.shape().subList(1, expected.size()).equals(expected.subList(1, expected.size()));
        if (!fits) {
            throw new DataFormatException(
                    path,
                    "tensor '" + name + "'",
                    "is " + DeviceTensors.describe(tensor) + ", but entry '" + entry.name() + "' takes " + slot.type()
                            + (anyBatch ? " (of any batch size)" : ""));
        }
        if (!anyBatch && !tensor.shape().getFirst().equals(expected.getFirst())) {
            throw new DataFormatException(
                    path,
                    "tensor '" + name + "'",
                    "holds " + tensor.shape().getFirst() + " samples, but entry '" + entry.name()
                            + "' is compiled for a batch of " + entry.batch()
                            + ": compile with model.micro_batch_size="
                            + tensor.shape().getFirst());
        }
    }

    /** Kernels clamp what is out of range, which would hide the mistake. */
    private static void checkTokens(Path path, String name, HostTensor tokens, Manifest manifest) {
        if (tokens.dtype().isFloat()) {
            throw new DataFormatException(
                    path, "tensor '" + name + "'", "must hold whole numbers, not " + tokens.dtype());
        }
        var vocabulary = ClipModel.vocabulary(manifest);
        var context = tokens.shape().getLast();
        for (var i = 0L; i < tokens.elementCount(); i++) {
            var token = tokens.getLong(i);
            if (token < 0 || token >= vocabulary) {
                throw new DataFormatException(
                        path,
                        "tensor '" + name + "'",
                        "has the token " + token + " at [" + i / context + ", " + i % context
                                + "], but the model's vocabulary has " + vocabulary);
            }
        }
    }
}
