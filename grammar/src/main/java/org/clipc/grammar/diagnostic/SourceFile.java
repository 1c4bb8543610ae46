package org.clipc.grammar.diagnostic;

import java.util.Arrays;

/**
 * A source text under the name that messages use for it. Offsets count UTF-16 units from 0, lines and columns from 1.
 */
public final class SourceFile {
    private final String name;
    private final String text;
    private final int[] lineStarts;

    public SourceFile(String name, String text) {
        this.name = name;
        this.text = text;
        this.lineStarts = lineStarts(text);
    }

    private static int[] lineStarts(String text) {
        int[] starts = new int[16];
        int count = 1;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean ends = c == '\n' || (c == '\r' && !(i + 1 < text.length() && text.charAt(i + 1) == '\n'));
            if (ends) {
                if (count == starts.length) {
                    starts = Arrays.copyOf(starts, 2 * count);
                }
                starts[count++] = i + 1;
            }
        }
        return Arrays.copyOf(starts, count);
    }

    /** The name shown in messages, usually the path as the user gave it. */
    public String name() {
        return name;
    }

    public String text() {
        return text;
    }

    /** The line that holds {@code offset}, from 1. */
    public int line(int offset) {
        int found = Arrays.binarySearch(lineStarts, clip(offset));
        return found >= 0 ? found + 1 : -found - 1;
    }

    /** The column of {@code offset} in its line, from 1, counting characters (code points). */
    public int column(int offset) {
        int at = clip(offset);
        return text.codePointCount(lineStarts[line(at) - 1], at) + 1;
    }

    /** The text of a line (from 1) without its line end. */
    public String lineText(int line) {
        int start = lineStarts[line - 1];
        int end = line < lineStarts.length ? lineStarts[line] : text.length();
        while (end > start && (text.charAt(end - 1) == '\n' || text.charAt(end - 1) == '\r')) {
            end--;
        }
        return text.substring(start, end);
    }

    /** The span [start, end) of this file. */
    public SourceSpan span(int start, int end) {
        return new SourceSpan(this, start, end);
    }

    private int clip(int offset) {
        return Math.clamp(offset, 0, text.length());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof SourceFile file && name.equals(file.name) && text.equals(file.text);
    }

    @Override
    public int hashCode() {
        return 31 * name.hashCode() + text.hashCode();
    }

    @Override
    public String toString() {
        return name;
    }
}
