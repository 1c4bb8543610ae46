package org.clipc.runtime.text;

import java.nio.charset.Charset;
import java.text.Normalizer;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The repairs that the reference tokenizer asks of the Python library ftfy 6 ({@code fix_text}), in its order: HTML
 * escapes (unless the text has a {@code <}), wrongly decoded UTF-8, C1 controls, Latin ligatures, full- and half-width
 * forms, curly quotes, line ends, unpaired surrogates, terminal escapes, control characters, NFC; again until nothing
 * changes.
 *
 * <p>One step is a subset: of wrongly decoded UTF-8 only what {@link Mojibake} describes is repaired, where ftfy knows
 * eight more code pages and guesses at damaged bytes.
 */
final class TextRepair {
    /** Each round may peel one more layer of escaping; text that has more was made to be slow. */
    private static final int MOST_ROUNDS = 32;

    private static final Charset WINDOWS_1252 = Charset.forName("windows-1252");
    private static final Pattern REFERENCE = Pattern.compile("&#?[0-9A-Za-z]{1,24};");
    private static final Pattern C1_CONTROL = Pattern.compile("[\\x80-\\x9f]");
    private static final Pattern LIGATURE = Pattern.compile("[ĲĳŉǄ-ǌǱ-ǳﬀ-ﬆ]");
    private static final Pattern WIDE_OR_NARROW = Pattern.compile("[\\u3000\\uff01-\\uffef]");
    private static final Pattern SINGLE_QUOTE = Pattern.compile("[\\u02bc\\u2018-\\u201b]");
    private static final Pattern DOUBLE_QUOTE = Pattern.compile("[\\u201c-\\u201f]");
    private static final Pattern LINE_END = Pattern.compile("\\r\\n|[\\r\\u2028\\u2029\\u0085]");
    private static final Pattern TERMINAL_ESCAPE = Pattern.compile("\\x1b\\[[\\p{Nd};]*[a-zA-Z]");
    private static final Pattern CONTROL =
            Pattern.compile("[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f\\u206a-\\u206f\\ufeff\\ufff9-\\ufffc]");
    private static final Pattern PLAIN = Pattern.compile("[\\t\\n\\x20-\\x25\\x27-\\x7e]*");

    private static final Map<String, String> LIGATURE_PARTS = new HashMap<>();

    static {
        String[] pairs = {
            "ĲIJ", "ĳij", "ŉʼn", "ǱDZ", "ǲDz", "ǳdz", "ǄDŽ", "ǅDž", "ǆdž", "ǇLJ", "ǈLj", "ǉlj", "ǊNJ", "ǋNj", "ǌnj",
            "ﬀff", "ﬁfi", "ﬂfl", "ﬃffi", "ﬄffl", "ﬅſt", "ﬆst"
        };
        for (String pair : pairs) {
            LIGATURE_PARTS.put(pair.substring(0, 1), pair.substring(1));
        }
    }

    private TextRepair() {}

    static String repair(String text) {
        if (PLAIN.matcher(text).matches()) {
            return text;
        }
        var out = new StringBuilder(text.length());
        boolean unescape = true;
        for (int from = 0; from < text.length(); ) {
            int newline = text.indexOf('\n', from);
            int end = newline < 0 ? text.length() : newline + 1;
            String line = text.substring(from, end);
            // A literal < says that this is markup, here and after, whose escapes mean themselves.
            unescape = unescape && line.indexOf('<') < 0;
            out.append(repairLine(line, unescape));
            from = end;
        }
        return out.toString();
    }

    private static String repairLine(String line, boolean unescape) {
        String text = line;
        boolean resolve = unescape;
        for (int round = 0; round < MOST_ROUNDS; round++) {
            String before = text;
            if (resolve) {
                text = REFERENCE.matcher(text).replaceAll(m -> Matcher.quoteReplacement(resolveStrictly(m.group())));
            }
            text = repairCharacters(Mojibake.repair(text));
            if (text.equals(before)) {
                break;
            }
        }
        return text;
    }

    private static String repairCharacters(String line) {
        String text = C1_CONTROL.matcher(line).replaceAll(m -> asWindows1252(m.group()));
        text = LIGATURE.matcher(text).replaceAll(m -> LIGATURE_PARTS.getOrDefault(m.group(), m.group()));
        text = WIDE_OR_NARROW.matcher(text).replaceAll(m -> Matcher.quoteReplacement(standardWidth(m.group())));
        text = DOUBLE_QUOTE.matcher(text).replaceAll("\"");
        text = SINGLE_QUOTE.matcher(text).replaceAll("'");
        text = LINE_END.matcher(text).replaceAll("\n");
        text = replaceUnpairedSurrogates(text);
        text = TERMINAL_ESCAPE.matcher(text).replaceAll("");
        text = CONTROL.matcher(text).replaceAll("");
        return Normalizer.normalize(text, Normalizer.Form.NFC);
    }

    /** Only whole, closed references count here; names may also be in capitals (EACUTE for É). */
    private static String resolveStrictly(String reference) {
        if (reference.charAt(1) == '#') {
            String resolved = HtmlEntities.unescape(reference);
            return resolved.indexOf(';') >= 0 ? reference : resolved;
        }
        String name = reference.substring(1);
        return HtmlEntities.named(name).or(() -> upperCaseNamed(reference)).orElse(reference);
    }

    private static Optional<String> upperCaseNamed(String reference) {
        String name = reference.substring(1);
        String lower = name.toLowerCase(Locale.ROOT);
        boolean ambiguous = !name.equals(lower.toUpperCase(Locale.ROOT))
                || !HtmlEntities.unescape(reference).equals(reference);
        return ambiguous
                ? Optional.empty()
                : HtmlEntities.named(lower).map(character -> character.toUpperCase(Locale.ROOT));
    }

    private static String asWindows1252(String control) {
        String meant = new String(new byte[] {(byte) control.charAt(0)}, WINDOWS_1252);
        return meant.equals("\ufffd") ? control : meant;
    }

    private static String standardWidth(String form) {
        return form.equals("\u3000") ? " " : Normalizer.normalize(form, Normalizer.Form.NFKC);
    }

    private static String replaceUnpairedSurrogates(String text) {
        if (text.chars().noneMatch(c -> Character.isSurrogate((char) c))) {
            return text;
        }
        var out = new StringBuilder(text.length());
        text.codePoints().forEach(c -> {
            boolean unpaired = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
            out.appendCodePoint(unpaired ? 0xfffd : c);
        });
        return out.toString();
    }
}
