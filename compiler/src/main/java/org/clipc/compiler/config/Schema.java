package org.clipc.compiler.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The keys that a kind of YAML file may set. */
public final class Schema {

    /** Lightning's way to say that there is no limit: the same as not setting the key. */
    static final long UNLIMITED = -1;

    private final Map<String, Key> byName;

    public Schema(List<Key> keys) {
        byName = keys.stream()
                .collect(Collectors.toMap(Key::name, Function.identity(), (a, _) -> a, LinkedHashMap::new));
    }

    boolean knows(String key) {
        return byName.containsKey(key);
    }

    List<String> names() {
        return List.copyOf(byName.keySet());
    }

    /**
     * The values of a file that sets these keys and no others, completed by defaults, by dotted key. Keys without either
     * are missing.
     *
     * @throws ConfigException listing everything that is wrong with it
     */
    public Map<String, Object> read(Path file) {
        var problems = new ArrayList<String>();
        var settings = RecipeReader.read(file, List.of());
        settings.forEach((key, setting) -> {
            if (!knows(key)) {
                problems.add(unknown(key, setting.origin()));
            }
        });
        try {
            var values = complete(settings);
            if (problems.isEmpty()) {
                return values;
            }
        } catch (ConfigException e) {
            problems.addAll(e.problems());
        }
        throw new ConfigException(problems);
    }

    /** What is wrong with setting a key that is none of these. */
    String unknown(String key, Setting.Origin origin) {
        return Suggestion.isGroup(key, names())
                ? origin + ": " + key + " is a group of keys and has no value of its own"
                : origin + ": there is no key '" + key + "'" + Suggestion.amongKeys(key, names());
    }

    /**
     * Settings completed by defaults, by dotted key.
     *
     * @param settings those of other keys are left out
     * @throws ConfigException listing every value of a wrong kind or out of range
     */
    Map<String, Object> complete(Map<String, Setting> settings) {
        var problems = new ArrayList<String>();
        var result = new LinkedHashMap<String, Object>();
        for (var key : byName.values()) {
            var setting = settings.get(key.name());
            var value = key.fallback();
            if (setting != null && setting.value() != null) {
                value = key.accept(setting.value());
                problem(key, setting, value).ifPresent(problems::add);
            }
            if (value != null && !isUnlimited(key, value)) {
                result.put(key.name(), value);
            }
        }
        if (!problems.isEmpty()) {
            throw new ConfigException(problems);
        }
        return result;
    }

    private static boolean isUnlimited(Key key, Object value) {
        return key.least() == UNLIMITED && value.equals(UNLIMITED);
    }

    /** What is wrong with a setting. {@code value} is what the key made of it. */
    private static Optional<String> problem(Key key, Setting setting, @Nullable Object value) {
        if (value == null) {
            return Optional.of("%s: '%s' must be %s, not '%s'"
                    .formatted(setting.origin(), key.name(), key.kind().says(), setting.value()));
        }
        if (!key.allowed().isEmpty() && !key.allowed().contains(value)) {
            var allowed = key.allowed().stream().map(String::valueOf).toList();
            return Optional.of("%s: '%s' is '%s', but can only be %s%s"
                    .formatted(
                            setting.origin(),
                            key.name(),
                            value,
                            String.join(" or ", allowed),
                            Suggestion.among(String.valueOf(value), allowed)));
        }
        return key.refuses(value)
                ? Optional.of("%s: '%s' is %s, but must be at least %d"
                        .formatted(setting.origin(), key.name(), value, Math.round(key.least())))
                : Optional.empty();
    }
}
