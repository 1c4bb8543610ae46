package org.clipc.runtime.text;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/** Byte pairs for lower-case ASCII words, written as the reference is: the oracle of {@link ClipTokenizerTest}. */
final class PassByPassBytePairs {
    private static final List<String> MERGES = merges();
    private static final Map<String, Integer> RANKS = new HashMap<>();

    private static final Map<String, Integer> IDS = new HashMap<>();

    static {
        for (int i = 0; i < MERGES.size(); i++) {
            RANKS.put(MERGES.get(i), i);
            IDS.put(MERGES.get(i).replace(" ", ""), 512 + i);
        }
    }

    private PassByPassBytePairs() {}

    static int[] encode(String word) {
        List<String> symbols = new ArrayList<>(List.of(word.split("")));
        symbols.add(symbols.removeLast() + "</w>");
        while (true) {
            int best = Integer.MAX_VALUE;
            for (int i = 0; i + 1 < symbols.size(); i++) {
                best = Math.min(best, RANKS.getOrDefault(symbols.get(i) + " " + symbols.get(i + 1), Integer.MAX_VALUE));
            }
            if (best == Integer.MAX_VALUE) {
                return symbols.stream().mapToInt(PassByPassBytePairs::idOf).toArray();
            }
            var merged = new ArrayList<String>();
            for (int i = 0; i < symbols.size(); i++) {
                if (i + 1 < symbols.size() && MERGES.get(best).equals(symbols.get(i) + " " + symbols.get(i + 1))) {
                    merged.add(symbols.get(i) + symbols.get(++i));
                } else {
                    merged.add(symbols.get(i));
                }
            }
            symbols = merged;
        }
    }

    private static int idOf(String symbol) {
        boolean ends = symbol.endsWith("</w>");
        if ((ends ? symbol.length() - 4 : symbol.length()) == 1) {
            return symbol.charAt(0) - '!' + (ends ? 256 : 0);
        }
        return Objects.requireNonNull(IDS.get(symbol));
    }

    private static List<String> merges() {
        try (var in = PassByPassBytePairs.class.getResourceAsStream("clip_merges.txt.gz")) {
            var lines = new BufferedReader(new InputStreamReader(new GZIPInputStream(in), StandardCharsets.UTF_8));
            return lines.lines().skip(1).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
