package org.clipc.compiler.jvm;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Class files that sources have been compiled to, for the next program with the same kernels: javac takes longer than all
 * else that makes a program. Those of the longest unused sources are forgotten when there are too many.
 */
final class KnownClasses {

    private final long mostBytes;
    private final LinkedHashMap<String, SortedMap<String, byte[]>> byKey = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    /** @param mostBytes of the class files together */
    KnownClasses(long mostBytes) {
        this.mostBytes = mostBytes;
    }

    /** Sources, each with those that its class files depend on. */
    static final class Sources {

        private final Map<String, String> sources;
        private final List<Path> classPath;
        private final Map<String, List<String>> bySimpleName;

        /** @param sources by binary class name */
        Sources(Map<String, String> sources, List<Path> classPath) {
            this.sources = sources;
            this.classPath = classPath;
            this.bySimpleName = sources.keySet().stream()
                    .collect(Collectors.groupingBy(name -> name.substring(name.lastIndexOf('.') + 1)));
        }

        /** The source itself and those that it names, and so on. */
        SortedSet<String> needed(String className) {
            var needed = new TreeSet<String>();
            addNeeded(className, needed);
            return needed;
        }

        private void addNeeded(String className, SortedSet<String> needed) {
            if (needed.add(className)) {
                named(Objects.requireNonNull(sources.get(className))).forEach(other -> addNeeded(other, needed));
            }
        }

        /** All classes whose simple names are words of the text: none too few. */
        private SortedSet<String> named(String source) {
            var named = new TreeSet<String>();
            for (var at = 0; at < source.length(); at++) {
                var start = at;
                while (at < source.length() && Character.isJavaIdentifierPart(source.charAt(at))) {
                    at++;
                }
                if (at > start) {
                    named.addAll(bySimpleName.getOrDefault(source.substring(start, at), List.of()));
                }
            }
            return named;
        }

        /** The same only where the class files are. */
        String key(String className) {
            var digest = sha256();
            for (var needed : needed(className)) {
                add(digest, needed);
                add(digest, Objects.requireNonNull(sources.get(needed)));
            }
            classPath.forEach(path -> add(digest, path.toString()));
            return className + " " + HexFormat.of().formatHex(digest.digest());
        }

        private static void add(MessageDigest digest, String text) {
            digest.update(text.getBytes(StandardCharsets.UTF_8));
            digest.update((byte) 0);
        }

        private static MessageDigest sha256() {
            try {
                return MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every Java has SHA-256", e);
            }
        }
    }

    synchronized Optional<SortedMap<String, byte[]>> get(String key) {
        return Optional.ofNullable(byKey.get(key)).map(KnownClasses::copy);
    }

    /** @param classes of the source and of classes within it, by binary name */
    synchronized void put(String key, SortedMap<String, byte[]> classes) {
        var before = byKey.put(key, copy(classes));
        bytes += size(classes) - (before == null ? 0 : size(before));
        while (bytes > mostBytes) {
            bytes -= size(Objects.requireNonNull(byKey.pollFirstEntry()).getValue());
        }
    }

    /** Whoever is given class files may change them. */
    private static SortedMap<String, byte[]> copy(SortedMap<String, byte[]> classes) {
        var copy = new TreeMap<String, byte[]>();
        classes.forEach((name, file) -> copy.put(name, file.clone()));
        return copy;
    }

    private static long size(SortedMap<String, byte[]> classes) {
        return classes.values().stream().mapToLong(file -> file.length).sum();
    }
}
