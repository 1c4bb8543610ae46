package org.clipc.compiler.elaborate;

import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;

/** An error in the source, on its way to the nearest expression or statement, which reports it and goes on. */
final class Fault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient Diagnostic diagnostic;

    Fault(Diagnostic diagnostic) {
        super(diagnostic.message(), null, false, false);
        this.diagnostic = diagnostic;
    }

    Fault(SourceSpan span, String message) {
        this(Diagnostic.error(span, message));
    }

    Fault note(String note) {
        return new Fault(diagnostic.note(note));
    }

    Diagnostic diagnostic() {
        return diagnostic;
    }
}
