package org.clipc.program;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** A JSON value from an untrusted file, with its place for error messages. Every access says what it expects. */
record Json(JsonNode node, String place) {

    private static final StreamReadConstraints CONSTRAINTS = StreamReadConstraints.builder()
            .maxNestingDepth(64)
            .maxNumberLength(40)
            .maxNameLength(1000)
            .maxStringLength(100_000)
            .build();

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(CONSTRAINTS)
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private static final ObjectMapper MAPPER = JsonMapper.builder(FACTORY)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** An element of an object or list. */
    interface Reader<T> {
        T read(Json json) throws InvalidMemberException;
    }

    static Json parse(byte[] bytes) throws InvalidMemberException {
        try {
            return new Json(MAPPER.readTree(bytes), "");
        } catch (IOException e) {
            throw malformed(e);
        }
    }

    /** For long documents: the tokens one by one. */
    static JsonParser tokens(byte[] bytes) throws IOException {
        return FACTORY.createParser(bytes);
    }

    /** Writes with line ends that do not depend on the system. */
    static ObjectWriter writer() {
        var indenter = new DefaultIndenter("  ", "\n");
        return MAPPER.writer(new DefaultPrettyPrinter().withObjectIndenter(indenter));
    }

    static InvalidMemberException malformed(IOException e) {
        var message = e instanceof JsonProcessingException j ? j.getOriginalMessage() : String.valueOf(e.getMessage());
        var at = e instanceof JsonProcessingException j && j.getLocation() != null
                ? " (line " + j.getLocation().getLineNr() + ", column "
                        + j.getLocation().getColumnNr() + ")"
                : "";
        return new InvalidMemberException("is not the JSON expected here: " + Archive.printable(message) + at);
    }

    InvalidMemberException wrong(String problem) {
        return new InvalidMemberException(place.isEmpty() ? problem : place + " " + problem);
    }

    private <T> T expect(boolean holds, Supplier<T> value, String expected) throws InvalidMemberException {
        if (!holds) {
            throw wrong("must be " + expected);
        }
        return value.get();
    }

    /** Checks that this is an object with no fields but these. */
    Json object(Set<String> fields) throws InvalidMemberException {
        expect(node.isObject(), () -> node, "an object");
        for (Iterator<String> names = node.fieldNames(); names.hasNext(); ) {
            var name = names.next();
            if (!fields.contains(name)) {
                throw wrong("has a field " + Archive.printable(name) + " that this version does not know");
            }
        }
        return this;
    }

    boolean has(String field) {
        return node.has(field);
    }

    Json field(String field) throws InvalidMemberException {
        var value = node.get(field);
        if (value == null) {
            throw wrong("lacks the field '" + field + "'");
        }
        return new Json(value, place.isEmpty() ? field : place + "." + field);
    }

    List<String> fieldNames() throws InvalidMemberException {
        expect(node.isObject(), () -> node, "an object");
        var names = new ArrayList<String>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }

    <T> List<T> list(int most, Reader<T> reader) throws InvalidMemberException {
        expect(node.isArray(), () -> node, "a list");
        if (node.size() > most) {
            throw wrong("has " + node.size() + " elements, more than the " + most + " allowed");
        }
        var list = new ArrayList<T>(node.size());
        for (var i = 0; i < node.size(); i++) {
            list.add(reader.read(new Json(node.get(i), place + "[" + i + "]")));
        }
        return list;
    }

    String text() throws InvalidMemberException {
        return expect(node.isTextual(), node::textValue, "a string");
    }

    boolean flag() throws InvalidMemberException {
        return expect(node.isBoolean(), node::booleanValue, "true or false");
    }

    double number() throws InvalidMemberException {
        return expect(node.isNumber() && Double.isFinite(node.doubleValue()), node::doubleValue, "a finite number");
    }

    long integer(long least, long most) throws InvalidMemberException {
        var value = expect(
                node.isIntegralNumber() && node.canConvertToLong(), node::longValue, "a whole number of 64 bits");
        return expect(
                value >= least && value <= most, () -> value, "between " + least + " and " + most + ", not " + value);
    }
}
