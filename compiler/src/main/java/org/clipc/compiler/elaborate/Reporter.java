package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;

/** Collects diagnostics, the first one for each place: unrolled code would repeat the others. */
final class Reporter {
    private final List<Diagnostic> diagnostics = new ArrayList<>();
    private final Set<Place> seen = new HashSet<>();

    private record Place(String file, int start, int end, boolean error) {}

    void report(Diagnostic diagnostic) {
        SourceSpan span = diagnostic.span();
        if (span.file().text().isEmpty()
                || seen.add(new Place(span.file().name(), span.start(), span.end(), diagnostic.isError()))) {
            diagnostics.add(diagnostic);
        }
    }

    void error(SourceSpan span, String message) {
        report(Diagnostic.error(span, message));
    }

    /** Runs a step of the elaboration; an error in it is reported and its result is poison. */
    Val guard(Supplier<Val> step) {
        try {
            return step.get();
        } catch (Fault fault) {
            report(fault.diagnostic());
            return Val.Poison.POISON;
        } catch (Poisoned e) {
            return Val.Poison.POISON;
        }
    }

    boolean hasErrors() {
        return diagnostics.stream().anyMatch(Diagnostic::isError);
    }

    /** In the order of the source, file by file. */
    List<Diagnostic> all() {
        List<String> files =
                diagnostics.stream().map(d -> d.span().file().name()).distinct().toList();
        return diagnostics.stream()
                .sorted(Comparator.<Diagnostic>comparingInt(
                                d -> files.indexOf(d.span().file().name()))
                        .thenComparingInt(d -> d.span().start()))
                .toList();
    }
}
