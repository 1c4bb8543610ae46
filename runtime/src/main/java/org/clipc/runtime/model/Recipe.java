package org.clipc.runtime.model;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.CRC32C;
import org.clipc.program.Manifest;

/**
 * The recipe that a program was compiled with, by dotted keys such as {@code model.optim.lr}, and changes to it. Only
 * keys that the compiled code does not depend on can change without compiling again.
 */
public final class Recipe {

    /** Keys that the compiler leaves out where a recipe is silent. */
    private static final List<String> OPTIONAL = List.of(
            "trainer.max_epochs",
            "trainer.max_steps",
            "trainer.limit_val_batches",
            "exp_manager.explicit_log_dir",
            "exp_manager.exp_dir",
            "exp_manager.name",
            "model.data.train.dataset_path",
            "model.data.validation.dataset_path",
            "model.data.image_column",
            "model.data.caption_column",
            "model.data.image_root",
            "model.data.imagenet_val",
            "model.data.imagenet_classes",
            "model.data.imagenet_templates");

    private static final List<String> CHANGEABLE =
            List.of("trainer.", "exp_manager.", "model.data.", "model.optim.lr", "model.optim.sched.", "model.seed");

    /** What a training is watched by, which leaves what it learns as it is. */
    private static final List<String> WATCHING = List.of("model.data.validation.", "model.data.imagenet_");

    private static final List<String> COMPILED_IN = List.of(
            "trainer.precision",
            "trainer.gradient_clip_val",
            "trainer.devices",
            "trainer.num_nodes",
            "trainer.accelerator");

    private final SortedMap<String, Object> values;

    private Recipe(SortedMap<String, Object> values) {
        this.values = values;
    }

    public static Recipe of(Manifest manifest) {
        var values = new TreeMap<String, Object>();
        flatten("", manifest.config(), values);
        return new Recipe(values);
    }

    private static void flatten(String prefix, Map<?, ?> map, SortedMap<String, Object> values) {
        map.forEach((name, value) -> {
            var key = prefix + name;
            if (value instanceof Map<?, ?> inner) {
                flatten(key + ".", inner, values);
            } else {
                values.put(key, value);
            }
        });
    }

    /**
     * This recipe with changes on top.
     *
     * @param changes each {@code key=value}
     * @throws RecipeException telling all that is wrong with them
     */
    public Recipe with(List<String> changes) {
        var changed = new TreeMap<>(values);
        var problems = new ArrayList<String>();
        for (var change : changes) {
            var equals = change.indexOf('=');
            var key = equals < 0 ? change : change.substring(0, equals);
            if (equals <= 0) {
                problems.add("'" + change + "' is not of the form key=value");
            } else if (!values.containsKey(key) && !OPTIONAL.contains(key)) {
                problems.add("there is no key '" + key + "'" + neighbours(key));
            } else if (!isChangeable(key)) {
                problems.add("'" + key + "' is compiled into the program: set it when compiling");
            } else {
                changed.put(key, parse(change.substring(equals + 1)));
            }
        }
        if (!problems.isEmpty()) {
            throw new RecipeException(String.join("; ", problems));
        }
        return new Recipe(changed);
    }

    private static boolean isChangeable(String key) {
        return CHANGEABLE.stream().anyMatch(key::startsWith) && !COMPILED_IN.contains(key);
    }

    private String neighbours(String key) {
        var dot = key.lastIndexOf('.');
        var prefix = key.substring(0, dot + 1);
        var siblings = new TreeSet<String>();
        for (var names : List.of(values.keySet(), OPTIONAL)) {
            names.stream().filter(name -> name.startsWith(prefix)).limit(30).forEach(siblings::add);
        }
        return siblings.isEmpty() ? "" : "; near it are " + String.join(", ", siblings);
    }

    /** As YAML reads a scalar or a list of scalars. */
    private static Object parse(String text) {
        var trimmed = text.strip();
        if (trimmed.startsWith("[") && trimmed.endsWith("]")) {
            var inner = trimmed.substring(1, trimmed.length() - 1).strip();
            return inner.isEmpty()
                    ? List.of()
                    : List.of(inner.split(",", -1)).stream().map(Recipe::parse).toList();
        }
        if (trimmed.equals("true") || trimmed.equals("false")) {
            return Boolean.valueOf(trimmed);
        }
        if (trimmed.matches("[-+]?\\d{1,18}")) {
            return Long.valueOf(trimmed);
        }
        if (trimmed.matches("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d{1,3})?")) {
            return Double.valueOf(trimmed);
        }
        return trimmed;
    }

    private <T> Optional<T> find(String key, Class<T> type, String expected) {
        var value = values.get(key);
        if (value == null || type.isInstance(value)) {
            return Optional.ofNullable(value).map(type::cast);
        }
        throw new RecipeException("'" + key + "' must be " + expected + ", not '" + value + "'");
    }

    public Optional<Long> integer(String key) {
        return find(key, Long.class, "a whole number");
    }

    public Optional<Double> number(String key) {
        return find(key, Number.class, "a number").map(Number::doubleValue);
    }

    public Optional<Boolean> flag(String key) {
        return find(key, Boolean.class, "true or false");
    }

    public Optional<String> text(String key) {
        return Optional.ofNullable(values.get(key)).map(String::valueOf);
    }

    public List<String> texts(String key) {
        return switch (values.get(key)) {
            case null -> List.of();
            case List<?> list -> list.stream().map(String::valueOf).toList();
            case Object value -> List.of(String.valueOf(value));
        };
    }

    public List<Double> numbers(String key) {
        return find(key, List.class, "a list of numbers").stream()
                .flatMap(list -> ((List<?>) list).stream())
                .map(element -> {
                    if (element instanceof Number number) {
                        return number.doubleValue();
                    }
                    throw new RecipeException("'" + key + "' must be a list of numbers, not '" + element + "'");
                })
                .toList();
    }

    /** Of the settings that decide what a training learns; those of how long and how watched are left out. */
    public String fingerprint() {
        var crc = new CRC32C();
        values.forEach((key, value) -> {
            if (key.startsWith("model.") && WATCHING.stream().noneMatch(key::startsWith)) {
                crc.update((key + "=" + value + "\n").getBytes(StandardCharsets.UTF_8));
            }
        });
        return Long.toHexString(crc.getValue());
    }

    /** All settings, one {@code key: value} a line in the order of keys. */
    @Override
    public String toString() {
        var text = new StringBuilder();
        values.forEach(
                (key, value) -> text.append(key).append(": ").append(value).append('\n'));
        return text.toString();
    }
}
