package org.clipc.grammar;

import java.util.List;
import org.clipc.grammar.ast.CompilationUnit;
import org.clipc.grammar.diagnostic.Diagnostic;

/**
 * What came of parsing one file.
 *
 * @param unit what could be read; declarations and members with a syntax error in them are left out
 * @param diagnostics in the order of the source
 */
public record Parsed(CompilationUnit unit, List<Diagnostic> diagnostics) {
    public Parsed {
        diagnostics = List.copyOf(diagnostics);
    }

    public boolean ok() {
        return diagnostics.stream().noneMatch(Diagnostic::isError);
    }
}
