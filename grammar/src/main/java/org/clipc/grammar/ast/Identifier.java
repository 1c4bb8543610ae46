package org.clipc.grammar.ast;

import org.clipc.grammar.diagnostic.SourceSpan;

/** A name where it is written. */
public record Identifier(String text, SourceSpan span) {
    @Override
    public String toString() {
        return text;
    }
}
