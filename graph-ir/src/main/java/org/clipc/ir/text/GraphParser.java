package org.clipc.ir.text;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Location;
import org.clipc.ir.Output;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.ir.text.Tokens.Kind;
import org.clipc.ir.text.Tokens.Token;

/**
 * Reads what {@link GraphPrinter} writes, and what people write: values may have any names ({@code %hidden}), result types may be
 * left out, and {@code //} starts a comment. The text need not be trusted: whatever it holds, the outcome is a graph
 * whose types obey the shape rules, or a {@link GraphParseException}.
 */
public final class GraphParser {

    private static final int LONGEST_TEXT = 1 << 28;
    private static final int MOST_NODES = 1 << 20;
    private static final int MOST_ITEMS = 1 << 12;
    private static final int DEEPEST_BODY = 8;

    private final Tokens tokens;
    private int nodes;
    private int depth;

    private GraphParser(Tokens tokens) {
        this.tokens = tokens;
    }

    /**
     * The graph that {@code text} describes.
     *
     * @param file the name that messages show
     * @throws GraphParseException if the text is no graph, with the place
     */
    public static Graph parse(String file, String text) {
        if (text.length() > LONGEST_TEXT) {
            throw new GraphParseException(file + ": more than " + LONGEST_TEXT + " characters");
        }
        var parser = new GraphParser(new Tokens(file, text));
        var graph = parser.graph();
        if (parser.tokens.peek().kind() != Kind.END) {
            throw parser.expected("the end of the text");
        }
        return graph;
    }

    private Graph graph() {
        if (++depth > DEEPEST_BODY) {
            throw tokens.error(tokens.peek().at(), "bodies nest deeper than " + DEEPEST_BODY);
        }
        keyword("graph");
        var builder =
                new GraphBuilder(take(Kind.STRING, "the graph's name in quotes").text());
        var names = new HashMap<String, List<Value>>();
        punctuation("{");
        while (tokens.peek().kind() == Kind.VALUE) {
            node(builder, names);
        }
        while (!accept("}")) {
            output(builder, names);
        }
        depth--;
        return builder.build();
    }

    private void node(GraphBuilder builder, Map<String, List<Value>> names) {
        var name = tokens.take();
        if (name.text().isEmpty() || name.text().contains(".")) {
            throw tokens.error(name.at(), "%" + name.text() + " is no name for a node");
        }
        if (++nodes > MOST_NODES) {
            throw tokens.error(name.at(), "more than " + MOST_NODES + " nodes");
        }
        punctuation("=");
        var opAt = tokens.peek().at();
        var syntax = syntax();
        var values = suffixes(syntax);
        var operands = accept("(") ? list(")", () -> value(names)) : List.<Value>of();
        attributes(syntax, values);
        var arguments = syntax.components().stream()
                .map(c -> Optional.ofNullable(values.get(c.getName()))
                        .orElseThrow(() -> tokens.error(opAt, syntax.name() + " needs " + c.getName())))
                .toList();
        var declaredAt = tokens.peek().at();
        var declared = accept(":") ? Optional.of(types()) : Optional.<List<TensorType>>empty();
        builder.at(location());
        var results = checked(opAt, () -> builder.addAll(syntax.create(arguments), operands));
        var inferred = results.stream().map(builder::type).toList();
        if (!declared.orElse(inferred).equals(inferred)) {
            throw tokens.error(declaredAt, "the result types are " + inferred + ", not " + declared.get());
        }
        if (names.putIfAbsent(name.text(), results) != null) {
            throw tokens.error(name.at(), "%" + name.text() + " is defined twice");
        }
    }

    private OpSyntax syntax() {
        var name = take(Kind.NAME, "the name of an op");
        return OpSyntax.named(name.text()).orElseThrow(() -> tokens.error(name.at(), "unknown op " + name.text()));
    }

    private Map<String, Object> suffixes(OpSyntax syntax) {
        var values = new LinkedHashMap<String, Object>();
        syntax.suffixes().forEach(component -> {
            punctuation(".");
            values.put(component.getName(), constant(component.getType()));
        });
        return values;
    }

    private Object constant(Class<?> type) {
        var name = take(Kind.NAME, "one of " + spellings(type));
        return Arrays.stream(type.getEnumConstants())
                .filter(constant -> spelling(constant).equals(name.text()))
                .findFirst()
                .orElseThrow(() -> tokens.error(name.at(), name.text() + " is none of " + spellings(type)));
    }

    private static String spellings(Class<?> type) {
        return Arrays.stream(type.getEnumConstants()).map(GraphParser::spelling).collect(Collectors.joining(", "));
    }

    private static String spelling(Object constant) {
        return constant.toString().toLowerCase(Locale.ROOT);
    }

    private void attributes(OpSyntax syntax, Map<String, Object> values) {
        if (!accept("{")) {
            return;
        }
        list("}", () -> {
            var name = take(Kind.NAME, "the name of an attribute");
            var component = syntax.attributes().stream()
                    .filter(c -> c.getName().equals(name.text()))
                    .findFirst()
                    .orElseThrow(() -> tokens.error(name.at(), syntax.name() + " has no attribute " + name.text()));
            punctuation("=");
            if (values.put(name.text(), attribute(component.getType())) != null) {
                throw tokens.error(name.at(), name.text() + " is given twice");
            }
            return name;
        });
    }

    private Object attribute(Class<?> type) {
        if (type == String.class) {
            return take(Kind.STRING, "a string").text();
        } else if (type == int.class) {
            return integer();
        } else if (type == double.class) {
            return real();
        } else if (type == boolean.class) {
            return truth();
        } else if (type == List.class) {
            return integers();
        } else if (type == Shape.class) {
            return shape();
        } else if (type == TensorType.class) {
            return type();
        } else if (type == Graph.class) {
            return graph();
        }
        throw new IllegalStateException("attributes of " + type + " have no text form");
    }

    private int integer() {
        var at = tokens.peek();
        return number("a whole number", at.kind() == Kind.NUMBER, Integer::valueOf);
    }

    private double real() {
        var kind = tokens.peek().kind();
        return number("a number", kind == Kind.NUMBER || kind == Kind.NAME, Double::valueOf);
    }

    private <T> T number(String what, boolean plausible, Function<String, T> parse) {
        if (!plausible) {
            throw expected(what);
        }
        var token = tokens.take();
        try {
            return parse.apply(token.text());
        } catch (NumberFormatException e) {
            throw tokens.error(token.at(), token.text() + " is not " + what);
        }
    }

    private boolean truth() {
        var name = take(Kind.NAME, "true or false");
        return switch (name.text()) {
            case "true" -> true;
            case "false" -> false;
            default -> throw tokens.error(name.at(), name.text() + " is neither true nor false");
        };
    }

    private List<Integer> integers() {
        punctuation("[");
        return list("]", this::integer);
    }

    private Shape shape() {
        var at = tokens.peek().at();
        var dims = integers();
        return checked(at, () -> new Shape(dims));
    }

    private TensorType type() {
        return new TensorType((DType) constant(DType.class), shape());
    }

    private List<TensorType> types() {
        var types = new ArrayList<TensorType>();
        do {
            types.add(type());
        } while (accept(",") && types.size() < MOST_ITEMS);
        return types;
    }

    private Location location() {
        if (!accept("@")) {
            return Location.NONE;
        }
        var path = take(Kind.STRING, "a location in quotes").text();
        var source = tokens.peek().kind() == Kind.STRING ? tokens.take().text() : "";
        var recompute = tokens.peek().kind() == Kind.STRING ? tokens.take().text() : "";
        return new Location(path, source, recompute);
    }

    private Value value(Map<String, List<Value>> names) {
        var reference = take(Kind.VALUE, "a value such as %0");
        var dot = reference.text().indexOf('.');
        var name = dot < 0 ? reference.text() : reference.text().substring(0, dot);
        var result = dot < 0 ? "0" : reference.text().substring(dot + 1);
        var results = names.get(name);
        if (results == null) {
            throw tokens.error(reference.at(), "%" + name + " is not defined above");
        }
        return results.stream()
                .filter(v -> String.valueOf(v.result()).equals(result))
                .findFirst()
                .orElseThrow(() -> tokens.error(reference.at(), "%" + name + " has no result " + result));
    }

    private void output(GraphBuilder builder, Map<String, List<Value>> names) {
        keyword("output");
        var name = take(Kind.STRING, "the output's name in quotes").text();
        punctuation("=");
        var value = value(names);
        if (tokens.peek().kind() == Kind.NAME && tokens.peek().text().equals("updates")) {
            tokens.take();
            builder.output(new Output(
                    name, value, take(Kind.STRING, "an input's name in quotes").text()));
        } else {
            builder.output(name, value);
        }
    }

    private <T> List<T> list(String end, Supplier<T> item) {
        var items = new ArrayList<T>();
        if (accept(end)) {
            return items;
        }
        do {
            if (items.size() == MOST_ITEMS) {
                throw tokens.error(tokens.peek().at(), "more than " + MOST_ITEMS + " items");
            }
            items.add(item.get());
        } while (accept(","));
        punctuation(end);
        return items;
    }

    /** Runs {@code action}; what it refuses becomes an error at {@code at}. */
    private <T> T checked(int at, Supplier<T> action) {
        try {
            return action.get();
        } catch (IllegalArgumentException e) {
            throw tokens.error(at, String.valueOf(e.getMessage()));
        }
    }

    private Token take(Kind kind, String what) {
        if (tokens.peek().kind() != kind) {
            throw expected(what);
        }
        return tokens.take();
    }

    private void keyword(String word) {
        if (!take(Kind.NAME, word).text().equals(word)) {
            throw expected(word);
        }
    }

    private void punctuation(String mark) {
        if (!accept(mark)) {
            throw expected("\"" + mark + "\"");
        }
    }

    private boolean accept(String mark) {
        var token = tokens.peek();
        var found = token.kind() == Kind.PUNCTUATION && token.text().equals(mark);
        if (found) {
            tokens.take();
        }
        return found;
    }

    private GraphParseException expected(String what) {
        var token = tokens.peek();
        return tokens.error(token.at(), "expected " + what + " but found " + token.text());
    }
}
