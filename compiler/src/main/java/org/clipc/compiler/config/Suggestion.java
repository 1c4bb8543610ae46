package org.clipc.compiler.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.stream.Stream;

/** "Did you mean": the closest of the known names, by optimal string alignment distance. */
public final class Suggestion {

    private Suggestion() {}

    /** {@code ; did you mean 'x'?}, or nothing when no candidate is close. */
    public static String among(String name, Collection<String> candidates) {
        var limit = Math.max(2, name.length() / 4);
        return candidates.stream()
                .filter(c -> distance(name, c) <= limit || lastPart(c).equals(lastPart(name)))
                .min(Comparator.<String>comparingInt(c -> distance(name, c)).thenComparing(Comparator.naturalOrder()))
                .map(c -> "; did you mean '" + c + "'?")
                .orElse("");
    }

    /** As {@link #among}, with the groups that dotted keys belong to: {@code model.optim} beside {@code model.optim.lr}. */
    public static String amongKeys(String name, Collection<String> keys) {
        return among(
                name, keys.stream().flatMap(Suggestion::withGroups).distinct().toList());
    }

    /** Whether dotted keys lie below {@code name}. */
    public static boolean isGroup(String name, Collection<String> keys) {
        return keys.stream().anyMatch(k -> k.startsWith(name + "."));
    }

    private static Stream<String> withGroups(String key) {
        return Stream.iterate(key, k -> !k.isEmpty(), k -> k.substring(0, Math.max(0, k.lastIndexOf('.'))));
    }

    private static String lastPart(String key) {
        return key.substring(key.lastIndexOf('.') + 1);
    }

    private static int distance(String a, String b) {
        var d = new int[a.length() + 1][b.length() + 1];
        for (var i = 0; i <= a.length(); i++) {
            for (var j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                var change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                d[i][j] = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + change);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
