package org.clipc.runtime.text;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** HTML 5 character references, resolved as a browser (and Python's {@code html.unescape}) does, missing semicolons and all. */
final class HtmlEntities {
    private static final Pattern REFERENCE =
            Pattern.compile("&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\\t\\n\\f <&#;]{1,32};?)");
    private static final Charset WINDOWS_1252 = Charset.forName("windows-1252");

    /** Names with their final semicolon, where they have one, to what they stand for. */
    private static final Map<String, String> NAMED = load();

    private HtmlEntities() {}

    static String unescape(String text) {
        return text.indexOf('&') < 0 ? text : REFERENCE.matcher(text).replaceAll(HtmlEntities::resolve);
    }

    /** The character of a named reference such as {@code eacute;}, semicolon included. */
    static Optional<String> named(String name) {
        return Optional.ofNullable(NAMED.get(name));
    }

    private static String resolve(MatchResult match) {
        String reference = match.group(1);
        String resolved = reference.charAt(0) == '#' ? resolveNumber(reference) : resolveName(reference);
        return Matcher.quoteReplacement(resolved);
    }

    /** An unknown name may start with a known one that needs no semicolon: {@code &notit} is {@code ¬it}. */
    private static String resolveName(String reference) {
        for (int length = reference.length(); length > 1; length--) {
            String known = NAMED.get(reference.substring(0, length));
            if (known != null) {
                return known + reference.substring(length);
            }
        }
        return "&" + reference;
    }

    private static String resolveNumber(String reference) {
        String digits =
                reference.endsWith(";") ? reference.substring(1, reference.length() - 1) : reference.substring(1);
        boolean hexadecimal = digits.charAt(0) == 'x' || digits.charAt(0) == 'X';
        int radix = hexadecimal ? 16 : 10;
        int codePoint = 0;
        for (int i = hexadecimal ? 1 : 0; i < digits.length(); i++) {
            codePoint = Math.min(
                    Character.MAX_CODE_POINT + 1, codePoint * radix + Character.digit(digits.charAt(i), radix));
        }
        return characterOf(codePoint);
    }

    private static String characterOf(int codePoint) {
        if (codePoint == 0 || codePoint > Character.MAX_CODE_POINT || isSurrogate(codePoint)) {
            return "\ufffd";
        }
        if (codePoint >= 0x80 && codePoint <= 0x9f) {
            String meant = new String(new byte[] {(byte) codePoint}, WINDOWS_1252);
            return meant.equals("\ufffd") ? Character.toString(codePoint) : meant;
        }
        boolean dropped = (codePoint < 0x20 && "\t\n\f\r".indexOf(codePoint) < 0)
                || codePoint == 0x7f
                || (codePoint >= 0xfdd0 && codePoint <= 0xfdef)
                || (codePoint & 0xfffe) == 0xfffe;
        return dropped ? "" : Character.toString(codePoint);
    }

    private static boolean isSurrogate(int codePoint) {
        return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
    }

    private static Map<String, String> load() {
        var named = new HashMap<String, String>();
        try (var in = HtmlEntities.class.getResourceAsStream("html5_entities.txt")) {
            if (in == null) {
                throw new IllegalStateException("html5_entities.txt is missing from the runtime's jar");
            }
            var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] parts = line.split(" ", -1);
                var characters = new StringBuilder();
                for (int i = 1; i < parts.length; i++) {
                    characters.appendCodePoint(Integer.parseInt(parts[i], 16));
                }
                named.put(parts[0], characters.toString());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Map.copyOf(named);
    }
}
