package org.clipc.grammar;

import org.antlr.v4.runtime.Token;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;

/** ANTLR counts code points, a Java string counts UTF-16 units: this maps the first to the second. */
final class CodePoints {
    private final int length;
    private final int[] table; // empty when the two are the same

    CodePoints(String text) {
        this.length = text.length();
        int points = text.codePointCount(0, text.length());
        this.table = points == text.length() ? new int[0] : new int[points + 1];
        for (int i = 0, at = 0; i < table.length; i++) {
            table[i] = at;
            at += at < text.length() ? Character.charCount(text.codePointAt(at)) : 0;
        }
    }

    int utf16(int codePoint) {
        return table.length == 0 ? codePoint : table[codePoint];
    }

    /** From the start of {@code first} to the end of {@code last}; for the end of the file the empty span there. */
    SourceSpan span(SourceFile file, Token first, Token last) {
        int start = first.getType() == Token.EOF ? length : utf16(first.getStartIndex());
        int end = last.getType() == Token.EOF ? length : utf16(last.getStopIndex() + 1);
        return file.span(start, Math.max(start, end));
    }
}
