package org.clipc.runtime.weights;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;
import org.clipc.program.Parameter;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.tensor.TensorDType;
import org.clipc.runtime.tensor.TensorInfo;

/**
 * An open file that holds all parameters of a program, under the names of whichever {@link WeightFormat} most of its own
 * are of. A {@code module.} before every name, as torch's DistributedDataParallel leaves it, is taken off.
 */
final class StoredWeights {

    private static final String WRAPPER = "module.";
    private static final int MOST_LISTED = 8;

    private final SafetensorsFile file;

    /** The names in the file by those without a wrapper. */
    private final Map<String, String> names = new HashMap<>();

    private final WeightLayout layout;

    /** @throws DataFormatException naming all tensors that the file lacks, has besides, or has in another shape */
    StoredWeights(Path path, SafetensorsFile file, List<Parameter> parameters) {
        this.file = file;
        var wrapped = file.names().stream().allMatch(name -> name.startsWith(WRAPPER));
        for (var name : file.names()) {
            names.put(wrapped ? name.substring(WRAPPER.length()) : name, name);
        }
        layout = recognised(names.keySet(), parameters);
        check(path, parameters);
    }

    private static WeightLayout recognised(Set<String> names, List<Parameter> parameters) {
        return Stream.of(WeightFormat.values())
                .flatMap(format -> format.layouts(parameters).stream())
                .reduce(BinaryOperator.maxBy((a, b) -> Long.compare(a.found(names), b.found(names))))
                .orElseThrow();
    }

    /** A parameter's elements, in the type in which the file holds them. */
    HostTensor tensor(Parameter parameter) {
        var stored = layout.of(parameter);
        var tensors =
                stored.names().stream().map(name -> file.tensor(inFile(name))).toList();
        return stored.join(tensors, shape(parameter));
    }

    /** The type of {@link #tensor}. */
    TensorDType elementType(Parameter parameter) {
        var tensors = layout.of(parameter).names().stream();
        return Stored.elementType(tensors.map(name -> info(name).dtype()).toList());
    }

    static List<Long> shape(Parameter parameter) {
        return DeviceTensors.hostShape(parameter.type().shape());
    }

    private String inFile(String name) {
        return Objects.requireNonNull(names.get(name), name);
    }

    private TensorInfo info(String name) {
        return file.info(inFile(name)).orElseThrow();
    }

    private void check(Path path, List<Parameter> parameters) {
        var missing = new TreeSet<String>();
        var different = new TreeSet<String>();
        var unexpected = new TreeSet<>(names.keySet());
        unexpected.removeAll(layout.buffers());
        for (var parameter : parameters) {
            if (!layout.has(parameter)) {
                continue;
            }
            var expected = layout.of(parameter).shape(shape(parameter));
            for (var name : layout.of(parameter).names()) {
                unexpected.remove(name);
                if (!names.containsKey(name)) {
                    missing.add(name);
                } else if (!fits(info(name).shape(), expected)) {
                    different.add(name + " " + info(name).shape() + " instead of "
                            + expected.toString().replace(" ", ""));
                }
            }
        }
        var problems = new ArrayList<String>();
        add(problems, "it lacks ", missing);
        add(problems, "it has besides ", unexpected);
        add(problems, "it has in another shape ", different);
        add(problems, "it can have no tensors for ", new TreeSet<>(layout.unnamed(parameters)));
        if (!problems.isEmpty()) {
            throw new DataFormatException(
                    path,
                    "does not hold the weights of this model" + layout.under() + ": " + String.join("; ", problems));
        }
    }

    private static boolean fits(List<Long> shape, List<Long> expected) {
        return shape.equals(expected) || (expected.isEmpty() && shape.equals(List.of(1L)));
    }

    private static void add(List<String> problems, String what, Set<String> names) {
        if (!names.isEmpty()) {
            problems.add(what + listed(List.copyOf(names)));
        }
    }

    /** The first few. */
    static String listed(List<String> names) {
        var shown = String.join(", ", names.subList(0, Math.min(MOST_LISTED, names.size())));
        return shown + (names.size() > MOST_LISTED ? " and " + (names.size() - MOST_LISTED) + " more" : "");
    }
}
