package org.clipc.compiler.draw;

import java.util.Locale;

/** Pieces of XML. */
final class Markup {

    private Markup() {}

    /** Text as it may stand in an element or attribute; characters that XML 1.0 has no place for become U+FFFD. */
    static String escape(String text) {
        var out = new StringBuilder(text.length() + 16);
        text.codePoints().forEach(c -> {
            switch (c) {
                case '&' -> out.append("&amp;");
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '"' -> out.append("&quot;");
                default -> out.appendCodePoint(isLegal(c) ? c : 0xFFFD);
            }
        });
        return out.toString();
    }

    private static boolean isLegal(int c) {
        return c == '\n' || c == '\t' || (c >= ' ' && !(c >= 0xD800 && c <= 0xDFFF) && c != 0xFFFE && c != 0xFFFF);
    }

    /** A coordinate, with as few digits as will do. */
    static String number(double value) {
        var text = String.format(Locale.ROOT, "%.1f", value);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }
}
