package org.clipc.runtime.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.regex.Pattern;

/**
 * CLIP's tokenizer: cleaned, lower-cased text, cut into words, each word into byte pairs; ids equal to those of
 * {@code SimpleTokenizer} in OpenAI's CLIP and open_clip. Threads may share one.
 */
public final class ClipTokenizer {
    /** Ids lie in [0, 49408). */
    public static final int VOCABULARY_SIZE = 49_408;

    public static final int START_OF_TEXT = 49_406;
    public static final int END_OF_TEXT = 49_407;
    public static final int DEFAULT_CONTEXT_LENGTH = 77;

    private static final Pattern WORD = Pattern.compile(
            "<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|\\p{L}+|\\p{N}|[^\\s\\p{L}\\p{N}\\x{345}]+",
            Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE);

    /** Words repeat, so most are found here; beyond this many the rest is computed each time. */
    private static final int CACHED_WORDS = 100_000;

    private static final int LONGEST_CACHED_WORD = 32;

    private final BytePairs pairs = BytePairs.ofClip();
    private final ConcurrentMap<String, int[]> cache = new ConcurrentHashMap<>();

    /** Loads the bundled vocabulary. */
    public ClipTokenizer() {
        if (pairs.size() != VOCABULARY_SIZE - 2) {
            throw new IllegalStateException("the bundled merges make " + pairs.size() + " tokens");
        }
        cache.put("<start_of_text>", new int[] {START_OF_TEXT});
        cache.put("<end_of_text>", new int[] {END_OF_TEXT});
    }

    /** Token ids of a text, without start, end or padding. */
    public int[] encode(String text) {
        var ids = new ArrayList<Integer>();
        var words = WORD.matcher(TextCleaner.clean(text));
        while (words.find()) {
            for (int id : encodeWord(words.group())) {
                ids.add(id);
            }
        }
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    /**
     * One row of a token matrix: start of text, the text, end of text, then zeros. Text that is too long is cut, and
     * the last id is then still the end of text.
     *
     * @return {@code contextLength} ids
     */
    public int[] tokenize(String text, int contextLength) {
        if (contextLength < 2) {
            throw new IllegalArgumentException(
                    "a context of " + contextLength + " tokens has no room for start and end");
        }
        int[] ids = encode(text);
        int kept = Math.min(ids.length, contextLength - 2);
        var row = new int[contextLength];
        row[0] = START_OF_TEXT;
        System.arraycopy(ids, 0, row, 1, kept);
        row[kept + 1] = END_OF_TEXT;
        return row;
    }

    /** Rows of {@link #tokenize(String, int)}, one after the other: a row-major [texts, contextLength] matrix. */
    public int[] tokenize(List<String> texts, int contextLength) {
        var rows = new int[Math.multiplyExact(texts.size(), contextLength)];
        for (int i = 0; i < texts.size(); i++) {
            System.arraycopy(tokenize(texts.get(i), contextLength), 0, rows, i * contextLength, contextLength);
        }
        return rows;
    }

    /** Positions of a tokenised row up to and with its end of text. */
    public static int usedLength(int[] row) {
        for (int i = 0; i < row.length; i++) {
            if (row[i] == END_OF_TEXT) {
                return i + 1;
            }
        }
        return row.length;
    }

    /** The text that these ids stand for, up to cleaning; padding and text marks must have been removed. */
    public String decode(int... ids) {
        for (int id : ids) {
            if (id < 0 || id >= START_OF_TEXT) {
                throw new IllegalArgumentException("token id " + id + " stands for no text");
            }
        }
        return pairs.decode(ids);
    }

    private int[] encodeWord(String word) {
        int[] known = cache.get(word);
        if (known != null) {
            return known;
        }
        int[] ids = pairs.encode(word);
        if (word.length() <= LONGEST_CACHED_WORD && cache.size() < CACHED_WORDS) {
            cache.put(word, ids);
        }
        return ids;
    }

    /** Removes start, end and everything after it from a tokenised row. */
    public static int[] content(int[] row) {
        int from = row.length > 0 && row[0] == START_OF_TEXT ? 1 : 0;
        int end = usedLength(row);
        boolean hasEnd = end > from && row[end - 1] == END_OF_TEXT;
        return Arrays.copyOfRange(row, from, hasEnd ? end - 1 : end);
    }
}
