package org.clipc.compiler.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A recipe with the overrides of the command line, parted into what the model's source declares and everything else.
 *
 * @param source the YAML file; null if there is none
 * @param modelSettings values for the model's own {@code config} keys, by dotted name relative to the model; whether the
 *     model has these keys is for its elaboration to say
 * @param values every key of {@link RecipeSchema}, by dotted name, completed by defaults
 * @param problems what is wrong with it, one message each, naming the place; {@code values} has gaps where there are any
 */
public record Recipe(
        @Nullable Path source, Map<String, Setting> modelSettings, Map<String, Object> values, List<String> problems) {

    private static final String MODEL = "model.";

    public Recipe {
        modelSettings = Map.copyOf(modelSettings);
        problems = List.copyOf(problems);
    }

    /** Reads {@code file}, or only the overrides where it is null. */
    public static Recipe read(@Nullable Path file, List<String> overrides) {
        var problems = new ArrayList<String>();
        var own = new LinkedHashMap<String, Setting>();
        var model = new LinkedHashMap<String, Setting>();
        Map<String, Object> values = new LinkedHashMap<>();
        try {
            RecipeReader.read(file, overrides).forEach((key, setting) -> {
                if (RecipeSchema.knows(key)) {
                    own.put(key, setting);
                } else if (isModels(key)) {
                    model.put(key.substring(MODEL.length()), setting);
                } else {
                    problems.add(RecipeSchema.unknown(key, setting));
                }
            });
            values = RecipeSchema.complete(own);
        } catch (ConfigException e) {
            problems.addAll(e.problems());
        }
        return new Recipe(file, model, values, problems);
    }

    /** Below {@code model}, but in none of the groups that belong to the recipe, such as {@code model.optim}. */
    private static boolean isModels(String key) {
        return key.startsWith(MODEL)
                && RecipeSchema.names().stream().noneMatch(known -> {
                    var dot = known.indexOf('.', MODEL.length());
                    return known.startsWith(MODEL) && dot >= 0 && key.startsWith(known.substring(0, dot + 1));
                });
    }

    /**
     * Everything that decides what is compiled: the recipe's values and the model's, nested.
     *
     * @param model the model's resolved configuration, nested below {@code model}
     */
    public Map<String, Object> resolved(Map<String, Object> model) {
        var root = new LinkedHashMap<String, Object>();
        values.forEach((key, value) -> put(root, List.of(key.split("\\.", -1)), value));
        put(root, List.of("model"), model);
        return root;
    }

    @SuppressWarnings("unchecked")
    private static void put(Map<String, Object> tree, List<String> path, Object value) {
        var name = path.getFirst();
        if (path.size() > 1) {
            var inner = (Map<String, Object>) tree.computeIfAbsent(name, _ -> new LinkedHashMap<String, Object>());
            put(inner, path.subList(1, path.size()), value);
        } else if (value instanceof Map<?, ?> map) {
            var inner = (Map<String, Object>) tree.computeIfAbsent(name, _ -> new LinkedHashMap<String, Object>());
            map.forEach((k, v) -> put(inner, List.of(String.valueOf(k)), v));
        } else {
            tree.put(name, value);
        }
    }

    /** A whole number of the recipe. */
    public long integer(String key) {
        return get(key, Long.class);
    }

    public double number(String key) {
        return get(key, Double.class);
    }

    public List<Double> numbers(String key) {
        List<?> list = get(key, List.class);
        return list.stream().map(Double.class::cast).toList();
    }

    public boolean flag(String key) {
        return get(key, Boolean.class);
    }

    public String text(String key) {
        return get(key, String.class);
    }

    private <T> T get(String key, Class<T> type) {
        var value = values.get(key);
        if (!type.isInstance(value)) {
            throw new IllegalArgumentException(
                    "the recipe's " + key + " is " + value + ", not a " + type.getSimpleName());
        }
        return type.cast(value);
    }

    /** The YAML file as messages name it. */
    public String described() {
        return source == null ? "no recipe" : source.toString();
    }

    @Override
    public String toString() {
        return described()
                + values.entrySet().stream()
                        .map(e -> e.getKey() + "=" + e.getValue())
                        .collect(Collectors.joining(", ", " {", "}"));
    }
}
