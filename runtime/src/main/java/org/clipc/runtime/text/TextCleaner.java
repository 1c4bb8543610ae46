package org.clipc.runtime.text;

import java.util.Locale;

/** What CLIP does to a caption before cutting it into words: repair, resolve HTML escapes twice, single spaces, lower case. */
public final class TextCleaner {
    private TextCleaner() {}

    public static String clean(String text) {
        String repaired = TextRepair.repair(text);
        String plain = HtmlEntities.unescape(HtmlEntities.unescape(repaired));
        return singleSpaces(plain).toLowerCase(Locale.ROOT);
    }

    /** Each run of white space becomes one space; none is left at the ends. */
    static String singleSpaces(String text) {
        var out = new StringBuilder(text.length());
        boolean pending = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (isSpace(c)) {
                pending = !out.isEmpty();
                continue;
            }
            if (pending) {
                out.append(' ');
                pending = false;
            }
            out.append(c);
        }
        return out.toString();
    }

    /** Python's {@code str.isspace}, on which the reference relies; Java's own notions of white space all differ. */
    private static boolean isSpace(char c) {
        return switch (c) {
            case ' ', '\u0085', '\u00a0', '\u1680', '\u2028', '\u2029', '\u202f', '\u205f', '\u3000' -> true;
            default -> (c >= '\t' && c <= '\r') || (c >= '\u001c' && c <= '\u001f') || (c >= '\u2000' && c <= '\u200a');
        };
    }
}
