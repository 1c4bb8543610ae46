package org.clipc.compiler.elaborate;

import java.util.List;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.jspecify.annotations.Nullable;

/**
 * What came of elaborating a model.
 *
 * @param model null if there are errors
 */
public record Elaborated(@Nullable ElaboratedModel model, List<Diagnostic> diagnostics) {
    public Elaborated {
        diagnostics = List.copyOf(diagnostics);
    }

    public boolean ok() {
        return model != null;
    }

    /** @throws ElaborationException if there are errors */
    public ElaboratedModel orThrow() {
        if (model == null) {
            throw new ElaborationException(diagnostics);
        }
        return model;
    }
}
