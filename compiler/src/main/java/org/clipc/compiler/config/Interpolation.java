package org.clipc.compiler.config;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * OmegaConf's value interpolation: {@code ${a.b}} is the value of key a.b, {@code ${.c}} that of the sibling c, and each
 * further dot climbs one level. A value that is one reference keeps the type of what it refers to.
 */
final class Interpolation {

    private static final Pattern REFERENCE = Pattern.compile("\\$\\{([^${}]*)\\}");

    private final Map<String, Setting> raw;
    private final Map<String, Setting> resolved = new LinkedHashMap<>();
    private final Deque<String> underway = new ArrayDeque<>();

    private Interpolation(Map<String, Setting> raw) {
        this.raw = raw;
    }

    static Map<String, Setting> resolve(Map<String, Setting> settings) {
        var interpolation = new Interpolation(settings);
        var result = new LinkedHashMap<String, Setting>();
        for (var key : settings.keySet()) {
            result.put(key, interpolation.setting(key));
        }
        return result;
    }

    private Setting setting(String key) {
        var known = resolved.get(key);
        if (known != null) {
            return known;
        }
        var setting = java.util.Objects.requireNonNull(raw.get(key));
        if (underway.contains(key)) {
            throw new ConfigException(
                    setting.origin(),
                    "'" + key + "' refers to itself: " + String.join(" -> ", underway) + " -> " + key);
        }
        underway.addLast(key);
        var result = new Setting(value(key, setting.value(), setting.origin()), setting.origin());
        underway.removeLast();
        resolved.put(key, result);
        return result;
    }

    private @Nullable Object value(String key, @Nullable Object value, Setting.Origin origin) {
        return switch (value) {
            case String text -> text(key, text, origin);
            case List<?> list -> {
                var items = new ArrayList<Object>();
                for (var item : list) {
                    var resolvedItem = value(key, item, origin);
                    if (resolvedItem == null) {
                        throw new ConfigException(origin, "'" + key + "' has an item without a value");
                    }
                    items.add(resolvedItem);
                }
                yield List.copyOf(items);
            }
            case null, default -> value;
        };
    }

    private @Nullable Object text(String key, String text, Setting.Origin origin) {
        var matcher = REFERENCE.matcher(text);
        if (matcher.matches()) {
            return referred(key, matcher.group(1), origin);
        }
        var result = matcher.reset()
                .replaceAll(m -> Matcher.quoteReplacement(String.valueOf(referred(key, m.group(1), origin))));
        if (result.contains("${")) {
            throw new ConfigException(origin, "'" + key + "' has a '${' that no '}' closes");
        }
        return result;
    }

    private @Nullable Object referred(String key, String reference, Setting.Origin origin) {
        var target = reference.strip();
        if (target.startsWith(".")) {
            var scope = key;
            while (target.startsWith(".")) {
                scope = scope.contains(".") ? scope.substring(0, scope.lastIndexOf('.')) : "";
                target = target.substring(1);
            }
            target = scope.isEmpty() ? target : scope + "." + target;
        }
        if (!raw.containsKey(target)) {
            throw new ConfigException(
                    origin,
                    "'" + key + "' refers to '" + target + "', which is not set"
                            + Suggestion.among(target, raw.keySet()));
        }
        return setting(target).value();
    }
}
