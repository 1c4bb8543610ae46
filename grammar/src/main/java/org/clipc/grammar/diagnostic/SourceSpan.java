package org.clipc.grammar.diagnostic;

/** The characters [start, end) of a file. */
public record SourceSpan(SourceFile file, int start, int end) {
    public SourceSpan {
        if (start < 0 || end < start) {
            throw new IllegalArgumentException("bad span " + start + ".." + end);
        }
    }

    /** The line of the first character, from 1. */
    public int line() {
        return file.line(start);
    }

    /** The column of the first character, from 1. */
    public int column() {
        return file.column(start);
    }

    /** The source text covered. */
    public String text() {
        return file.text().substring(start, Math.min(end, file.text().length()));
    }

    /** The smallest span of the same file that covers this one and {@code other}. */
    public SourceSpan to(SourceSpan other) {
        return new SourceSpan(file, Math.min(start, other.start), Math.max(end, other.end));
    }

    /** {@code file:line:column}. */
    @Override
    public String toString() {
        return file.name() + ":" + line() + ":" + column();
    }
}
