package org.clipc.compiler.elaborate;

import java.util.List;
import java.util.stream.Collectors;
import org.clipc.grammar.diagnostic.SourceSpan;

/**
 * One extent of a tensor and where it comes from, for messages.
 *
 * @param name how the source calls it, such as {@code width} or {@code 3}
 */
record Dim(int size, String name, SourceSpan origin) {

    /** {@code 768 (width)}, or only the number when the name says no more. */
    String show() {
        return name.equals(String.valueOf(size)) || name.isEmpty() ? String.valueOf(size) : size + " (" + name + ")";
    }

    static String show(List<Dim> dims) {
        return dims.stream().map(Dim::show).collect(Collectors.joining(", ", "[", "]"));
    }

    /** Sizes only. */
    static String sizes(List<Dim> dims) {
        return dims.stream().map(d -> String.valueOf(d.size)).collect(Collectors.joining(", ", "[", "]"));
    }
}
