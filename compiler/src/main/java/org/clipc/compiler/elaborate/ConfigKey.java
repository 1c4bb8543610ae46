package org.clipc.compiler.elaborate;

import java.util.List;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/**
 * A key that a recipe may set on a model.
 *
 * @param path dotted, relative to the model: {@code vision.patch_dim}
 * @param type {@code int}, {@code float}, {@code bool} or {@code string}
 * @param allowed the only values of an enumerated string; empty for any
 * @param value what it is in this model, settings applied: a Long, Double, Boolean or String; null if it has none
 * @param doc text of its doc comment
 * @param span where it is declared
 */
public record ConfigKey(
        String path,
        String type,
        List<String> allowed,
        @Nullable Object value,
        String doc,
        SourceSpan span) {
    public ConfigKey {
        allowed = List.copyOf(allowed);
    }
}
