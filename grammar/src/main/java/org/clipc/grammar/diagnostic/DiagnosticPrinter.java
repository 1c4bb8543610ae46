package org.clipc.grammar.diagnostic;

import java.util.List;
import java.util.Locale;

/**
 * Diagnostics as text, in the manner of most compilers:
 *
 * <pre>
 * b32.clip:12:20: error: cannot add [8, 50, 768] and [768, 8]
 *    12 |   let h = x + attn(norm1(x))
 *       |           ^^^^^^^^^^^^^^^^^^
 *       = note: …
 * </pre>
 */
public final class DiagnosticPrinter {
    private static final int MAX_LINE = 200;

    private final boolean color;

    private DiagnosticPrinter(boolean color) {
        this.color = color;
    }

    public static DiagnosticPrinter plain() {
        return new DiagnosticPrinter(false);
    }

    /** With ANSI colours, for a terminal. */
    public static DiagnosticPrinter colored() {
        return new DiagnosticPrinter(true);
    }

    /** All of them, a blank line between, ended by a line that counts them. */
    public String print(List<Diagnostic> diagnostics) {
        var out = new StringBuilder();
        for (Diagnostic diagnostic : diagnostics) {
            out.append(print(diagnostic)).append('\n');
        }
        long errors = diagnostics.stream().filter(Diagnostic::isError).count();
        long warnings = diagnostics.size() - errors;
        if (errors > 0) {
            out.append(count(errors, "error"));
        }
        if (warnings > 0) {
            out.append(errors > 0 ? ", " : "").append(count(warnings, "warning"));
        }
        return diagnostics.isEmpty() ? "" : out.append('\n').toString();
    }

    private static String count(long n, String what) {
        return n + " " + what + (n == 1 ? "" : "s");
    }

    /** One diagnostic, ended by a newline. */
    public String print(Diagnostic diagnostic) {
        var out = new StringBuilder();
        SourceSpan span = diagnostic.span();
        boolean located = !span.file().text().isEmpty();
        String severity = diagnostic.severity().name().toLowerCase(Locale.ROOT);
        String paint = diagnostic.isError() ? "31;1" : "33;1";
        out.append(paint(located ? span.toString() : span.file().name(), "1"))
                .append(": ")
                .append(paint(severity + ":", paint))
                .append(' ')
                .append(paint(diagnostic.message(), "1"))
                .append('\n');
        if (located) {
            excerpt(out, span, paint);
        }
        for (Diagnostic.Label label : diagnostic.labels()) {
            out.append("      ").append(paint("-->", "36")).append(' ');
            out.append(label.span()).append(": ").append(label.message()).append('\n');
            if (!label.span().file().text().isEmpty()) {
                excerpt(out, label.span(), "36");
            }
        }
        for (String note : diagnostic.notes()) {
            out.append("      ")
                    .append(paint("= note:", "36"))
                    .append(' ')
                    .append(note)
                    .append('\n');
        }
        return out.toString();
    }

    private void excerpt(StringBuilder out, SourceSpan span, String paint) {
        SourceFile file = span.file();
        int line = span.line();
        String text = file.lineText(line);
        int column = span.column();
        // Long (perhaps generated) lines are cut to a window around the fault.
        int[] points = text.codePoints().toArray();
        int from = column > MAX_LINE ? column - MAX_LINE / 2 : 0;
        int to = Math.min(points.length, from + MAX_LINE);
        var shown = new StringBuilder();
        var under = new StringBuilder();
        int width = Math.max(
                1, file.line(span.end()) == line ? file.column(span.end()) - column : points.length - column + 1);
        for (int i = from; i < Math.max(to, column); i++) {
            if (i < to) {
                int c = points[i];
                shown.appendCodePoint(c == '\t' || !Character.isISOControl(c) ? c : 0xFFFD);
            }
            // A tab under a tab keeps the caret in place whatever the terminal's tab stops.
            boolean tab = i < points.length && points[i] == '\t' && i < column - 1;
            if (i < column - 1) {
                under.append(tab ? '\t' : ' ');
            } else if (i < column - 1 + width) {
                under.append('^');
            }
        }
        out.append(String.format(Locale.ROOT, "%5d | %s%n", line, shown).replace("\r\n", "\n"));
        out.append("      | ").append(paint(under.toString(), paint)).append('\n');
    }

    private String paint(String text, String code) {
        return color ? "\u001B[" + code + "m" + text + "\u001B[0m" : text;
    }
}
