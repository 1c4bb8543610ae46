package org.clipc.program;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.clipc.ir.DType;
import org.clipc.ir.Mesh;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.jspecify.annotations.Nullable;

/** The manifest as {@code manifest.json}. Maps are written in the order of their keys, so that equal manifests give equal bytes. */
final class ManifestJson {

    private static final int MAX_ITEMS = 1_000_000;
    private static final Pattern TYPE = Pattern.compile("([a-z0-9]{1,8})\\[((?:[0-9]{1,10}(?:,[0-9]{1,10})*)?)]");

    private ManifestJson() {}

    static byte[] write(Manifest manifest) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var out = Json.writer().createGenerator(bytes)) {
            out.writeStartObject();
            out.writeNumberField("format", manifest.formatVersion());
            out.writeStringField("model", manifest.model());
            out.writeObjectFieldStart("mesh");
            out.writeNumberField("data", manifest.mesh().data());
            out.writeNumberField("tensor", manifest.mesh().tensor());
            out.writeEndObject();
            out.writeNumberField("parameter_bytes", manifest.parameterBytes());
            out.writeNumberField("workspace_bytes", manifest.workspaceBytes());
            out.writeNumberField("state_bytes", manifest.stateBytes());
            out.writeFieldName("targets");
            writeValue(out, manifest.targets());
            out.writeFieldName("config");
            writeValue(out, manifest.config());
            out.writeArrayFieldStart("entries");
            for (var entry : manifest.entries()) {
                out.writeStartObject();
                out.writeStringField("name", entry.name());
                out.writeNumberField("batch", entry.batch());
                writeSlots(out, "inputs", entry.inputs());
                writeSlots(out, "outputs", entry.outputs());
                out.writeEndObject();
            }
            out.writeEndArray();
            out.writeArrayFieldStart("parameters");
            for (var parameter : manifest.parameters()) {
                writeParameter(out, parameter);
            }
            out.writeEndArray();
            writeSlots(out, "state", manifest.state());
            writeSlots(out, "carried", manifest.carried());
            out.writeFieldName("checksums");
            writeValue(out, manifest.checksums());
            out.writeEndObject();
        }
        bytes.write('\n');
        return bytes.toByteArray();
    }

    private static void writeSlots(JsonGenerator out, String field, List<TensorSlot> slots) throws IOException {
        out.writeArrayFieldStart(field);
        for (var slot : slots) {
            out.writeStartObject();
            out.writeStringField("name", slot.name());
            out.writeStringField("type", slot.type().toString());
            out.writeNumberField("offset", slot.offset());
            out.writeEndObject();
        }
        out.writeEndArray();
    }

    private static void writeParameter(JsonGenerator out, Parameter parameter) throws IOException {
        var initializer = parameter.initializer();
        out.writeStartObject();
        out.writeStringField("name", parameter.name());
        out.writeStringField("type", parameter.type().toString());
        out.writeNumberField("offset", parameter.offset());
        out.writeObjectFieldStart("init");
        out.writeStringField("kind", initializer.kind().name().toLowerCase(Locale.ROOT));
        out.writeNumberField("a", initializer.a());
        out.writeNumberField("b", initializer.b());
        out.writeEndObject();
        out.writeBooleanField("decay", parameter.decay());
        out.writeBooleanField("trainable", parameter.trainable());
        if (parameter.clamp() != null) {
            out.writeFieldName("clamp");
            writeValue(out, parameter.clamp());
        }
        out.writeNumberField("shard_axis", parameter.shardAxis());
        out.writeNumberField("shard_parts", parameter.shardParts());
        out.writeNumberField("state_axis", parameter.stateAxis());
        out.writeEndObject();
    }

    private static void writeValue(JsonGenerator out, @Nullable Object value) throws IOException {
        switch (value) {
            case null -> out.writeNull();
            case String text -> out.writeString(text);
            case Boolean flag -> out.writeBoolean(flag);
            case Integer number -> out.writeNumber(number);
            case Long number -> out.writeNumber(number);
            case Double number when Double.isFinite(number) -> out.writeNumber(number);
            case List<?> list -> {
                out.writeStartArray();
                for (var element : list) {
                    writeValue(out, element);
                }
                out.writeEndArray();
            }
            case Map<?, ?> map -> {
                out.writeStartObject();
                var sorted = new TreeMap<String, @Nullable Object>();
                map.forEach((key, element) -> sorted.put(String.valueOf(key), element));
                for (var entry : sorted.entrySet()) {
                    out.writeFieldName(entry.getKey());
                    writeValue(out, entry.getValue());
                }
                out.writeEndObject();
            }
            default ->
                throw new IllegalArgumentException("a manifest cannot hold " + value + " ("
                        + value.getClass().getName() + ")");
        }
    }

    /** Reads what {@link #write} wrote. Whether offsets fit each other is {@link ManifestChecks}' concern. */
    static Manifest read(byte[] bytes) throws InvalidMemberException {
        var json = Json.parse(bytes);
        if (json.has("format")) {
            var version = json.field("format").integer(0, Integer.MAX_VALUE);
            if (version != Manifest.FORMAT_VERSION) {
                throw new InvalidMemberException("the program has format version " + version + ", this runtime reads "
                        + Manifest.FORMAT_VERSION + ": compile it again with the clipc of this version");
            }
        }
        json.object(Set.of(
                "format",
                "model",
                "mesh",
                "parameter_bytes",
                "workspace_bytes",
                "state_bytes",
                "targets",
                "config",
                "entries",
                "parameters",
                "state",
                "carried",
                "checksums"));
        return new Manifest(
                (int) json.field("format").integer(0, Integer.MAX_VALUE),
                json.field("model").text(),
                readConfig(json.field("config")),
                readMesh(json.field("mesh")),
                json.field("parameters").list(MAX_ITEMS, ManifestJson::readParameter),
                json.field("state").list(MAX_ITEMS, ManifestJson::readSlot),
                json.field("carried").list(MAX_ITEMS, ManifestJson::readSlot),
                json.field("entries").list(1000, ManifestJson::readEntry),
                readSize(json.field("parameter_bytes")),
                readSize(json.field("workspace_bytes")),
                readSize(json.field("state_bytes")),
                json.field("targets").list(100, Json::text),
                readChecksums(json.field("checksums")));
    }

    /** Sizes and offsets stay far enough below 2^63 that sums of a few of them cannot overflow. */
    private static long readSize(Json json) throws InvalidMemberException {
        return json.integer(0, 1L << 56);
    }

    private static Map<String, String> readChecksums(Json json) throws InvalidMemberException {
        var checksums = new TreeMap<String, String>();
        for (var name : json.fieldNames()) {
            checksums.put(name, json.field(name).text());
        }
        return Collections.unmodifiableMap(checksums);
    }

    private static EntryPoint readEntry(Json json) throws InvalidMemberException {
        json.object(Set.of("name", "batch", "inputs", "outputs"));
        return new EntryPoint(
                json.field("name").text(),
                (int) json.field("batch").integer(1, Integer.MAX_VALUE),
                json.field("inputs").list(MAX_ITEMS, ManifestJson::readSlot),
                json.field("outputs").list(MAX_ITEMS, ManifestJson::readSlot));
    }

    private static TensorSlot readSlot(Json json) throws InvalidMemberException {
        json.object(Set.of("name", "type", "offset"));
        return new TensorSlot(json.field("name").text(), readType(json.field("type")), readSize(json.field("offset")));
    }

    private static Parameter readParameter(Json json) throws InvalidMemberException {
        json.object(Set.of(
                "name",
                "type",
                "offset",
                "init",
                "decay",
                "trainable",
                "clamp",
                "shard_axis",
                "shard_parts",
                "state_axis"));
        var type = readType(json.field("type"));
        var clamp = json.has("clamp") ? json.field("clamp").list(2, Json::number) : null;
        if (clamp != null && (clamp.size() != 2 || clamp.get(0) > clamp.get(1))) {
            throw json.field("clamp").wrong("must be two numbers in ascending order");
        }
        return new Parameter(
                json.field("name").text(),
                type,
                readInitializer(json.field("init")),
                json.field("decay").flag(),
                json.field("trainable").flag(),
                clamp == null ? null : List.copyOf(clamp),
                (int) json.field("shard_axis").integer(-1, type.rank() - 1L),
                (int) json.field("shard_parts").integer(1, Integer.MAX_VALUE),
                (int) json.field("state_axis").integer(-1, type.rank() - 1L),
                readSize(json.field("offset")));
    }

    private static Mesh readMesh(Json json) throws InvalidMemberException {
        json.object(Set.of("data", "tensor"));
        var data = (int) json.field("data").integer(1, Mesh.MOST_RANKS);
        return new Mesh(data, (int) json.field("tensor").integer(1, Mesh.MOST_RANKS / data));
    }

    private static Parameter.Initializer readInitializer(Json json) throws InvalidMemberException {
        json.object(Set.of("kind", "a", "b"));
        var name = json.field("kind").text();
        for (var kind : Parameter.Kind.values()) {
            if (kind.name().toLowerCase(Locale.ROOT).equals(name)) {
                return new Parameter.Initializer(
                        kind, json.field("a").number(), json.field("b").number());
            }
        }
        throw json.field("kind").wrong("is no initialiser: " + Archive.printable(name));
    }

    private static TensorType readType(Json json) throws InvalidMemberException {
        var text = json.text();
        var matcher = TYPE.matcher(text);
        if (matcher.matches()) {
            for (var dtype : DType.values()) {
                if (dtype.text().equals(matcher.group(1))) {
                    return new TensorType(dtype, readShape(json, matcher.group(2), dtype));
                }
            }
        }
        throw json.wrong("must be a tensor type such as f32[2,3], not " + Archive.printable(text));
    }

    private static Shape readShape(Json json, String dims, DType dtype) throws InvalidMemberException {
        var extents = new ArrayList<Integer>();
        try {
            var elements = 1L;
            for (var dim : dims.isEmpty() ? new String[0] : dims.split(",", -1)) {
                extents.add(Integer.parseInt(dim));
                elements = Math.multiplyExact(elements, extents.getLast());
            }
            if (extents.size() <= Manifest.MAX_RANK && Math.multiplyExact(elements, dtype.bytes()) < 1L << 56) {
                return new Shape(extents);
            }
        } catch (IllegalArgumentException | ArithmeticException e) {
            // Told below, with the place.
        }
        throw json.wrong("has an impossible shape [" + dims + "]");
    }

    private static Map<String, Object> readConfig(Json json) throws InvalidMemberException {
        var config = new TreeMap<String, Object>();
        for (var name : json.fieldNames()) {
            config.put(name, readValue(json.field(name)));
        }
        return Collections.unmodifiableMap(config);
    }

    /** A Long, Double, Boolean, String, or a list or map of such. */
    private static Object readValue(Json json) throws InvalidMemberException {
        return switch (json.node().getNodeType()) {
            case OBJECT -> readConfig(json);
            case ARRAY -> List.copyOf(json.list(MAX_ITEMS, ManifestJson::readValue));
            case STRING -> json.text();
            case BOOLEAN -> json.flag();
            case NUMBER ->
                json.node().isIntegralNumber() ? (Object) json.integer(Long.MIN_VALUE, Long.MAX_VALUE) : json.number();
            case NULL, BINARY, MISSING, POJO -> throw json.wrong("must not be null");
        };
    }
}
