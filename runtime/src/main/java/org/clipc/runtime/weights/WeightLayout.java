package org.clipc.runtime.weights;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.clipc.program.Parameter;

/**
 * What one kind of file calls the parameters of a program.
 *
 * @param under whose names, for messages: " under the names of …", or nothing where they are the program's own
 * @param stored by parameter; those that a program lacks are among them if all files of this kind have them
 * @param buffers tensors that files may hold beside the parameters
 */
record WeightLayout(String under, Map<String, Stored> stored, Set<String> buffers) {

    /** Beside the parameters in state dicts of open_clip and OpenAI's CLIP. */
    private static final Set<String> OPEN_CLIP_BUFFERS =
            Set.of("attn_mask", "context_length", "input_resolution", "vocab_size", "text.attn_mask");

    /** Of open_clip, whose names programs have themselves. */
    static WeightLayout openClip(List<Parameter> parameters) {
        var stored = new LinkedHashMap<String, Stored>();
        for (var parameter : parameters) {
            stored.put(parameter.name(), new Stored.Same(parameter.name()));
        }
        return new WeightLayout("", stored, OPEN_CLIP_BUFFERS);
    }

    /** Whether this kind of file can hold a parameter. */
    boolean has(Parameter parameter) {
        var as = stored.get(parameter.name());
        return as != null && as.suits(StoredWeights.shape(parameter));
    }

    /** How it holds one that it {@link #has}. */
    Stored of(Parameter parameter) {
        var as = stored.get(parameter.name());
        if (as == null) {
            throw new IllegalArgumentException("no name" + under + " for '" + parameter.name() + "'");
        }
        return as;
    }

    /** Parameters that this kind of file cannot hold. */
    List<String> unnamed(List<Parameter> parameters) {
        return parameters.stream().filter(p -> !has(p)).map(Parameter::name).toList();
    }

    /** What every file of this kind holds, and the program lacks. */
    List<String> absent(List<Parameter> parameters) {
        var present = parameters.stream().map(Parameter::name).collect(Collectors.toSet());
        return stored.entrySet().stream()
                .filter(row -> !present.contains(row.getKey()))
                .flatMap(row -> row.getValue().names().stream())
                .toList();
    }

    /** How many of these names are among those of a file. */
    long found(Set<String> inFile) {
        return stored.values().stream()
                .flatMap(as -> as.names().stream())
                .filter(inFile::contains)
                .count();
    }
}
