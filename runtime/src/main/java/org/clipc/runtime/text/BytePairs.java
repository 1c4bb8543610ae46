package org.clipc.runtime.text;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.zip.GZIPInputStream;

/**
 * Byte-pair encoding (Sennrich et al., 2016) over bytes: a word starts as its UTF-8 bytes, the last one marked as the
 * end of a word, and the pair of neighbours that was learnt first is merged until none is left. Ids: 256 bytes, 256
 * bytes at a word's end, then one per merge in the order learnt.
 */
final class BytePairs {
    private static final String WORD_END = "</w>";
    private static final int BYTES = 256;

    /** The merge of two neighbouring ids, by {@link #pairKey}. */
    private final Map<Long, Integer> merges = new HashMap<>();

    private final List<String> symbols = new ArrayList<>();
    private final ByteAlphabet alphabet = new ByteAlphabet();

    private BytePairs() {}

    static BytePairs ofClip() {
        var pairs = new BytePairs();
        try (var packed = BytePairs.class.getResourceAsStream("clip_merges.txt.gz")) {
            if (packed == null) {
                throw new IllegalStateException("clip_merges.txt.gz is missing from the runtime's jar");
            }
            var lines = new BufferedReader(new InputStreamReader(new GZIPInputStream(packed), StandardCharsets.UTF_8));
            pairs.load(lines);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return pairs;
    }

    private void load(BufferedReader lines) throws IOException {
        var ids = new HashMap<String, Integer>();
        alphabet.inVocabularyOrder().forEach(c -> define(ids, String.valueOf(c)));
        alphabet.inVocabularyOrder().forEach(c -> define(ids, c + WORD_END));
        lines.readLine(); // the version line
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            int space = line.indexOf(' ');
            Integer left = ids.get(line.substring(0, space));
            Integer right = ids.get(line.substring(space + 1));
            if (left == null || right == null) {
                throw new IllegalStateException("merge '" + line + "' joins tokens that no earlier line makes");
            }
            merges.put(pairKey(left, right), define(ids, symbols.get(left) + symbols.get(right)));
        }
    }

    private int define(Map<String, Integer> ids, String symbol) {
        int id = symbols.size();
        if (ids.put(symbol, id) != null) {
            throw new IllegalStateException("token '" + symbol + "' is made twice");
        }
        symbols.add(symbol);
        return id;
    }

    int size() {
        return symbols.size();
    }

    /**
     * Ids of one word. As each token is made by one merge only, a merge never opens a pair that was learnt before it, so
     * taking the earliest-learnt pair anywhere, leftmost first, merges as the reference's passes over the word do, but in
     * O(n log n) for a word of n bytes.
     */
    int[] encode(String word) {
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        int n = bytes.length;
        if (n == 0) {
            return new int[0];
        }
        var ids = new int[n];
        for (int i = 0; i < n; i++) {
            ids[i] = alphabet.position(bytes[i]);
        }
        ids[n - 1] += BYTES;
        mergeAll(ids);
        return Arrays.stream(ids).filter(id -> id >= 0).toArray();
    }

    /** Merges in place: a merged token stands where its first byte stood, the other places become -1. */
    private void mergeAll(int[] ids) {
        int n = ids.length;
        var next = new int[n];
        var previous = new int[n];
        // Merge id (the order learnt) above, place below: the queue's order is earliest-learnt, then leftmost.
        var queue = new PriorityQueue<Long>();
        for (int i = 0; i < n; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
            offer(queue, ids, i, i + 1);
        }
        while (!queue.isEmpty()) {
            long candidate = queue.remove();
            int merged = (int) (candidate >>> 32);
            int left = (int) candidate;
            int right = next[left];
            if (right >= n || ids[left] < 0 || merge(ids[left], ids[right]) != merged) {
                continue; // one of the two has been merged with another since
            }
            ids[left] = merged;
            ids[right] = -1;
            next[left] = next[right];
            if (next[right] < n) {
                previous[next[right]] = left;
            }
            offer(queue, ids, previous[left], left);
            offer(queue, ids, left, next[left]);
        }
    }

    private void offer(PriorityQueue<Long> queue, int[] ids, int left, int right) {
        if (left >= 0 && right < ids.length) {
            int merged = merge(ids[left], ids[right]);
            if (merged >= 0) {
                queue.add(((long) merged << 32) | left);
            }
        }
    }

    private int merge(int left, int right) {
        return merges.getOrDefault(pairKey(left, right), -1);
    }

    private static long pairKey(int left, int right) {
        return ((long) left << 32) | right;
    }

    /** Text of these ids; bytes that are no UTF-8 become U+FFFD, and each end of a word a space. */
    String decode(int[] ids) {
        var bytes = new ByteArrayOutputStream();
        for (int id : ids) {
            String symbol = symbols.get(id);
            boolean ends = symbol.endsWith(WORD_END) && symbol.length() > WORD_END.length();
            String letters = ends ? symbol.substring(0, symbol.length() - WORD_END.length()) : symbol;
            letters.chars().forEach(c -> bytes.write(alphabet.byteOf((char) c)));
            if (ends) {
                bytes.write(' ');
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
