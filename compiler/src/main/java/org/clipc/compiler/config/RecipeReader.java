package org.clipc.compiler.config;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.config.Setting.Origin;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** Reads a YAML recipe, and {@code key=value} overrides, into settings by dotted key. Interpolation is {@link Interpolation}'s. */
public final class RecipeReader {

    private static final int MAX_BYTES = 1 << 20;
    private static final int MAX_DEPTH = 32;

    private final Map<String, Setting> settings = new LinkedHashMap<>();

    private RecipeReader() {}

    /**
     * The settings of {@code recipe} (none if it is null) with {@code overrides} on top, interpolated.
     *
     * @throws ConfigException if the file cannot be read or parsed, or an override is not of the form key=value
     */
    public static Map<String, Setting> read(@Nullable Path recipe, List<String> overrides) {
        var reader = new RecipeReader();
        if (recipe != null) {
            reader.file(recipe);
        }
        for (var override : overrides) {
            reader.override(override);
        }
        return Interpolation.resolve(reader.settings);
    }

    private void file(Path recipe) {
        var start = new Origin(recipe.toString(), 1, 1);
        var root = compose(text(recipe, start), start);
        switch (root) {
            case null -> {}
            case MappingNode mapping -> mapping("", mapping, start.source(), 0);
            default -> throw new ConfigException(start, "a recipe is a mapping of keys to values");
        }
    }

    private static String text(Path recipe, Origin start) {
        try {
            if (Files.size(recipe) > MAX_BYTES) {
                throw new ConfigException(start, "is larger than 1 MiB; a recipe is a short YAML file");
            }
            return Files.readString(recipe);
        } catch (NoSuchFileException e) {
            throw new ConfigException(List.of(recipe + ": no such file"));
        } catch (CharacterCodingException e) {
            throw new ConfigException(start, "is not UTF-8 text; a recipe is a YAML file");
        } catch (IOException e) {
            throw new ConfigException(List.of(recipe + ": cannot be read: " + e.getMessage()));
        }
    }

    private static @Nullable Node compose(String text, Origin start) {
        var options = new LoaderOptions();
        options.setAllowDuplicateKeys(false);
        options.setNestingDepthLimit(MAX_DEPTH);
        options.setMaxAliasesForCollections(16);
        try {
            return new Yaml(options).compose(new StringReader(text));
        } catch (MarkedYAMLException e) {
            var mark = e.getProblemMark();
            var origin = mark == null ? start : new Origin(start.source(), mark.getLine() + 1, mark.getColumn() + 1);
            throw new ConfigException(origin, "is not well-formed YAML: " + e.getProblem());
        } catch (YAMLException e) {
            throw new ConfigException(start, "is not well-formed YAML: " + e.getMessage());
        }
    }

    private void mapping(String prefix, MappingNode mapping, String source, int depth) {
        for (var tuple : mapping.getValue()) {
            var origin = origin(source, tuple.getKeyNode().getStartMark());
            if (depth > MAX_DEPTH) {
                throw new ConfigException(origin, "is nested deeper than " + MAX_DEPTH + " levels");
            }
            if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
                throw new ConfigException(origin, "a key must be a plain word");
            }
            var path = prefix.isEmpty() ? key.getValue() : prefix + "." + key.getValue();
            if (tuple.getValueNode() instanceof MappingNode inner) {
                mapping(path, inner, source, depth + 1);
            } else if (settings.put(path, new Setting(value(tuple.getValueNode(), source), origin)) != null) {
                throw new ConfigException(origin, "key '" + path + "' is set twice");
            }
        }
    }

    private static @Nullable Object value(Node node, String source) {
        return switch (node) {
            case ScalarNode scalar -> scalar(scalar.getTag(), scalar.getValue());
            case SequenceNode sequence -> {
                var list = new ArrayList<Object>();
                for (var item : sequence.getValue()) {
                    var value = item instanceof ScalarNode scalar ? scalar(scalar.getTag(), scalar.getValue()) : null;
                    if (value == null) {
                        throw new ConfigException(
                                origin(source, item.getStartMark()), "a list holds numbers, words or true/false only");
                    }
                    list.add(value);
                }
                yield List.copyOf(list);
            }
            default ->
                throw new ConfigException(origin(source, node.getStartMark()), "is no value that a recipe can hold");
        };
    }

    private static @Nullable Object scalar(Tag tag, String text) {
        if (tag.equals(Tag.NULL)) {
            return null;
        }
        if (tag.equals(Tag.BOOL)) {
            return text.equalsIgnoreCase("true") || text.equalsIgnoreCase("yes") || text.equalsIgnoreCase("on");
        }
        return tag.equals(Tag.STR) ? number(text) : number(text.replace("_", ""));
    }

    /** YAML 1.1 takes {@code 1e-3} for a word; everybody who writes it means a number. */
    private static Object number(String text) {
        if (text.matches("[-+]?[0-9]{1,18}")) {
            return Long.parseLong(text);
        }
        if (text.matches("[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?")) {
            return Double.parseDouble(text);
        }
        return text;
    }

    private void override(String override) {
        var equals = override.indexOf('=');
        if (equals <= 0) {
            throw new ConfigException(
                    Origin.COMMAND_LINE,
                    "'" + override + "' is no override; write key=value, such as model.optim.lr=1e-4");
        }
        var key = override.substring(0, equals).strip();
        var root = compose(override.substring(equals + 1), Origin.COMMAND_LINE);
        if (root instanceof MappingNode) {
            throw new ConfigException(
                    Origin.COMMAND_LINE, "'" + override + "' sets a whole mapping; override its keys one by one");
        }
        settings.put(
                key, new Setting(root == null ? null : value(root, Origin.COMMAND_LINE.source()), Origin.COMMAND_LINE));
    }

    private static Origin origin(String source, Mark mark) {
        return source.equals(Origin.COMMAND_LINE.source())
                ? Origin.COMMAND_LINE
                : new Origin(source, mark.getLine() + 1, mark.getColumn() + 1);
    }
}
