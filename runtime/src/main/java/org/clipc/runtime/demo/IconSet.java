package org.clipc.runtime.demo;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipFile;
import org.clipc.runtime.io.DataFormatException;

/**
 * One artist's emoji, as the Iconify collection holds them.
 *
 * @param name of the set, such as {@code noto}
 * @param license name of the license it is under
 * @param drawings SVG source by the code points of its concept
 */
record IconSet(String name, String license, Map<String, String> drawings) {

    private static final String FOLDER = "META-INF/resources/webjars/iconify__json/2.2.378/json/";

    /** The set's drawings of {@code concepts}, joined by code points, by name and by former names. */
    static IconSet read(Path jar, String name, Map<String, Concept> concepts) throws IOException {
        var root = json(jar, name);
        var byConcept = new TreeMap<String, String>();
        namesByConcept(root, concepts)
                .forEach((concept, names) -> names.stream()
                        .map(icon -> root.path("icons").path(icon))
                        .filter(icon -> icon.has("body"))
                        .findFirst()
                        .ifPresent(icon -> byConcept.put(concept, svg(root, icon))));
        return new IconSet(
                name, root.path("info").path("license").path("title").asText("unknown"), Map.copyOf(byConcept));
    }

    private static JsonNode json(Path jar, String name) throws IOException {
        var constraints =
                StreamReadConstraints.builder().maxStringLength(64 << 20).build();
        var factory = JsonFactory.builder().streamReadConstraints(constraints).build();
        try (var zip = new ZipFile(jar.toFile())) {
            var member = zip.getEntry(FOLDER + name + ".json");
            if (member == null) {
                throw new DataFormatException(jar, "has no icon set " + name + "; delete the file to fetch it anew");
            }
            try (var stream = zip.getInputStream(member)) {
                return new ObjectMapper(factory).readTree(stream);
            }
        }
    }

    /** Icon names that may show each concept, the surest first. */
    private static Map<String, List<String>> namesByConcept(JsonNode root, Map<String, Concept> concepts) {
        var result = new LinkedHashMap<String, List<String>>();
        root.path("chars").properties().forEach(entry -> {
            var codePoints = entry.getKey().replaceAll("(^|-)fe0f(?=-|$)", "");
            if (concepts.containsKey(codePoints)) {
                result.computeIfAbsent(codePoints, _ -> new ArrayList<>())
                        .add(entry.getValue().asText());
            }
        });
        var parents = new HashMap<String, String>();
        root.path("aliases")
                .properties()
                .forEach(entry -> parents.put(
                        entry.getKey(), entry.getValue().path("parent").asText()));
        concepts.forEach((codePoints, concept) -> {
            var names = result.computeIfAbsent(codePoints, _ -> new ArrayList<>());
            names.add(concept.slug());
            var parent = parents.get(concept.slug());
            if (parent != null) {
                names.add(parent);
            }
        });
        return result;
    }

    private static String svg(JsonNode root, JsonNode icon) {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" viewBox=\"%s %s %s %s\">%s</svg>"
                .formatted(
                        dimension(root, icon, "left", "0"),
                        dimension(root, icon, "top", "0"),
                        dimension(root, icon, "width", "16"),
                        dimension(root, icon, "height", "16"),
                        icon.path("body").asText());
    }

    private static String dimension(JsonNode root, JsonNode icon, String key, String fallback) {
        return icon.path(key).asText(root.path(key).asText(fallback));
    }
}
