package org.clipc.runtime.data.source;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.clipc.runtime.io.DataFormatException;

/**
 * Shell braces in lists of shards: {@code train-{000..099}.tar}, {@code {a,b}/x.tar}, nested, and with steps
 * ({@code {0..10..5}}). A range is padded with zeros to the width of an end that starts with one. {@code ::} joins lists,
 * as in WebDataset.
 */
public final class BraceExpansion {
    private static final int MOST = 10_000_000;
    private static final int DEEPEST = 32;
    private static final Pattern RANGE = Pattern.compile("(-?\\d{1,9})\\.\\.(-?\\d{1,9})(?:\\.\\.(-?\\d{1,9}))?");

    private BraceExpansion() {}

    /**
     * All words of a pattern, in order.
     *
     * @throws DataFormatException for braces that do not close or that make too many words
     */
    public static List<String> expand(String pattern) {
        var words = new ArrayList<String>();
        for (String part : pattern.split("::", -1)) {
            words.addAll(expand(part, pattern, 0));
        }
        return List.copyOf(words);
    }

    private static List<String> expand(String text, String pattern, int depth) {
        int open = text.indexOf('{');
        if (open < 0) {
            if (text.indexOf('}') >= 0) {
                throw new DataFormatException(pattern, "has a } without a {");
            }
            return List.of(text);
        }
        if (depth > DEEPEST) {
            throw new DataFormatException(pattern, "has too many braces");
        }
        int close = closing(text, open, pattern);
        List<String> middles = alternatives(text.substring(open + 1, close), pattern, depth);
        List<String> tails = expand(text.substring(close + 1), pattern, depth + 1);
        if ((long) middles.size() * tails.size() > MOST) {
            throw new DataFormatException(pattern, "stands for more than " + MOST + " names");
        }
        String head = text.substring(0, open);
        var words = new ArrayList<String>();
        for (String middle : middles) {
            for (String tail : tails) {
                words.add(head + middle + tail);
            }
        }
        return words;
    }

    private static int closing(String text, int open, String pattern) {
        int depth = 0;
        for (int i = open; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '{') {
                depth++;
            } else if (c == '}' && --depth == 0) {
                return i;
            }
        }
        throw new DataFormatException(pattern, "has a { that is not closed");
    }

    private static List<String> alternatives(String body, String pattern, int depth) {
        Matcher range = RANGE.matcher(body);
        if (range.matches()) {
            return range(range, pattern);
        }
        List<String> choices = splitAtCommas(body);
        if (choices.size() == 1) {
            throw new DataFormatException(pattern, "{" + body + "} is neither a range (a..b) nor a list (a,b)");
        }
        var words = new ArrayList<String>();
        choices.forEach(choice -> words.addAll(expand(choice, pattern, depth + 1)));
        return words;
    }

    private static List<String> splitAtCommas(String body) {
        var choices = new ArrayList<String>();
        int depth = 0;
        int from = 0;
        for (int i = 0; i < body.length(); i++) {
            switch (body.charAt(i)) {
                case '{' -> depth++;
                case '}' -> depth--;
                case ',' -> {
                    if (depth == 0) {
                        choices.add(body.substring(from, i));
                        from = i + 1;
                    }
                }
                default -> {}
            }
        }
        choices.add(body.substring(from));
        return choices;
    }

    private static List<String> range(Matcher range, String pattern) {
        int first = Integer.parseInt(range.group(1));
        int last = Integer.parseInt(range.group(2));
        int step = range.group(3) == null ? 1 : Math.abs(Integer.parseInt(range.group(3)));
        if (step == 0 || Math.abs((long) last - first) / step >= MOST) {
            throw new DataFormatException(pattern, "the range {" + range.group() + "} has no step or too many");
        }
        boolean padded = isPadded(range.group(1)) || isPadded(range.group(2));
        int width = padded ? Math.max(range.group(1).length(), range.group(2).length()) : 0;
        var words = new ArrayList<String>();
        for (long i = first; first <= last ? i <= last : i >= last; i += first <= last ? step : -step) {
            words.add(width == 0 ? Long.toString(i) : String.format("%0" + width + "d", i));
        }
        return words;
    }

    private static boolean isPadded(String number) {
        String digits = number.startsWith("-") ? number.substring(1) : number;
        return digits.length() > 1 && digits.startsWith("0");
    }
}
