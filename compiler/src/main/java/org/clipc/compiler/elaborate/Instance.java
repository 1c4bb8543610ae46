package org.clipc.compiler.elaborate;

import org.clipc.grammar.ast.Function;
import org.jspecify.annotations.Nullable;

/** A module brought to life: its place in the model and the names inside it. */
final class Instance {
    private final String type;
    private final String path;
    private final Scope scope;
    private @Nullable Function callable;

    Instance(String type, String path, Scope scope) {
        this.type = type;
        this.path = path;
        this.scope = scope;
    }

    /** Name of the module. */
    String type() {
        return type;
    }

    /** Dotted path from the model, such as {@code visual.transformer.resblocks.3}. */
    String path() {
        return path;
    }

    Scope scope() {
        return scope;
    }

    /** The anonymous function, which makes the instance itself callable. */
    @Nullable
    Function callable() {
        return callable;
    }

    void callable(Function function) {
        callable = function;
    }
}
