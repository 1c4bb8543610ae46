package org.clipc.grammar.diagnostic;

import java.util.ArrayList;
import java.util.List;

/**
 * One thing the compiler has to say about a source: what is wrong, where, which other places matter, and what helps.
 *
 * @param span the place at fault; a span of an empty file stands for a file that could not be read
 * @param labels other places that explain the fault, in the order to show them
 * @param notes facts and hints, one line each
 */
public record Diagnostic(Severity severity, String message, SourceSpan span, List<Label> labels, List<String> notes) {
    /** How bad it is: a program with an {@link #ERROR} is not compiled. */
    public enum Severity {
        ERROR,
        WARNING
    }

    /** A secondary place and what it has to do with the fault. */
    public record Label(SourceSpan span, String message) {}

    public Diagnostic {
        labels = List.copyOf(labels);
        notes = List.copyOf(notes);
    }

    public static Diagnostic error(SourceSpan span, String message) {
        return new Diagnostic(Severity.ERROR, message, span, List.of(), List.of());
    }

    public static Diagnostic warning(SourceSpan span, String message) {
        return new Diagnostic(Severity.WARNING, message, span, List.of(), List.of());
    }

    public boolean isError() {
        return severity == Severity.ERROR;
    }

    /** This diagnostic with one more note. */
    public Diagnostic note(String note) {
        List<String> more = new ArrayList<>(notes);
        more.add(note);
        return new Diagnostic(severity, message, span, labels, more);
    }

    /** This diagnostic with one more labelled place. */
    public Diagnostic label(SourceSpan place, String what) {
        List<Label> more = new ArrayList<>(labels);
        more.add(new Label(place, what));
        return new Diagnostic(severity, message, span, more, notes);
    }
}
