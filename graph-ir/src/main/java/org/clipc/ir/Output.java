package org.clipc.ir;

import org.jspecify.annotations.Nullable;

/**
 * A named result of a graph.
 *
 * @param updates the parameter, state or carried input that this value replaces when the graph has run; null for a plain result
 */
public record Output(String name, Value value, @Nullable String updates) {

    public Output(String name, Value value) {
        this(name, value, null);
    }
}
