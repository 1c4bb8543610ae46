package org.clipc.compiler.config;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A key that files may set: recipes, outside of what the model's own {@code config} declares, and descriptions of clusters.
 *
 * @param name dotted
 * @param fallback value where the recipe is silent
 * @param allowed the only values it takes; empty for any of the kind
 * @param least smallest number it takes, itself or as a member of its list
 */
public record Key(String name, Kind kind, @Nullable Object fallback, List<Object> allowed, double least) {

    /** What a key's value must be. */
    public enum Kind {
        INTEGER("a whole number"),
        NUMBER("a number"),
        FLAG("true or false"),
        TEXT("a word"),
        NUMBERS("a list of numbers"),
        /** A word or a list of words: paths, brace patterns. */
        TEXTS("a word or a list of words"),
        /** A byte count: a number, or one with a unit such as 40GiB. */
        BYTES("a number of bytes such as 40GiB");

        private final String says;

        Kind(String says) {
            this.says = says;
        }

        public String says() {
            return says;
        }
    }

    private static final double NO_BOUND = Double.NEGATIVE_INFINITY;

    public static Key integer(String name, @Nullable Long fallback) {
        return new Key(name, Kind.INTEGER, fallback, List.of(), NO_BOUND);
    }

    public static Key number(String name, @Nullable Double fallback) {
        return new Key(name, Kind.NUMBER, fallback, List.of(), NO_BOUND);
    }

    static Key flag(String name, boolean fallback) {
        return new Key(name, Kind.FLAG, fallback, List.of(), NO_BOUND);
    }

    public static Key text(String name, @Nullable String fallback) {
        return new Key(name, Kind.TEXT, fallback, List.of(), NO_BOUND);
    }

    static Key choice(String name, Object... allowed) {
        var kind = allowed[0] instanceof Long ? Kind.INTEGER : allowed[0] instanceof Boolean ? Kind.FLAG : Kind.TEXT;
        return new Key(name, kind, allowed[0], List.of(allowed), NO_BOUND);
    }

    public static Key of(String name, Kind kind, @Nullable Object fallback) {
        return new Key(name, kind, fallback, List.of(), NO_BOUND);
    }

    /** This key, refusing numbers below {@code bound}. */
    public Key atLeast(double bound) {
        return new Key(name, kind, fallback, allowed, bound);
    }

    /** Whether a value that is of the kind is too small, or no number at all. */
    boolean refuses(Object value) {
        return switch (value) {
            case Number n -> !(n.doubleValue() >= least);
            case List<?> list -> list.stream().anyMatch(item -> item instanceof Number && refuses(item));
            default -> false;
        };
    }

    private static boolean isFinite(@Nullable Object value) {
        return value instanceof Number n && Double.isFinite(n.doubleValue());
    }

    /** The value in this key's own Java type (Long, Double, Boolean, String, List), or null if it is not of the kind. */
    @Nullable
    Object accept(@Nullable Object value) {
        return switch (kind) {
            case INTEGER -> value instanceof Long ? value : null;
            case NUMBER -> value instanceof Number n && isFinite(n) ? (Object) n.doubleValue() : null;
            case FLAG -> value instanceof Boolean ? value : null;
            case TEXT -> value instanceof String || value instanceof Long ? String.valueOf(value) : null;
            case NUMBERS ->
                value instanceof List<?> list && list.stream().allMatch(Key::isFinite)
                        ? list.stream().map(n -> ((Number) n).doubleValue()).toList()
                        : null;
            case TEXTS ->
                value instanceof List<?> list
                        ? list.stream().map(String::valueOf).toList()
                        : value instanceof String text ? List.of(text) : null;
            case BYTES -> ByteSize.parse(value);
        };
    }
}
