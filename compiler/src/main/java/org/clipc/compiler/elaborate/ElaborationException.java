package org.clipc.compiler.elaborate;

import java.util.List;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.DiagnosticPrinter;

/** A model with errors in it, where one without was needed. The message is the diagnostics' text. */
public final class ElaborationException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient List<Diagnostic> diagnostics;

    public ElaborationException(List<Diagnostic> diagnostics) {
        super(DiagnosticPrinter.plain().print(diagnostics));
        this.diagnostics = List.copyOf(diagnostics);
    }

    public List<Diagnostic> diagnostics() {
        return diagnostics;
    }
}
