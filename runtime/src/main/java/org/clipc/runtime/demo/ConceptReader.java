package org.clipc.runtime.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import java.util.zip.ZipFile;
import org.clipc.runtime.io.DataFormatException;

/** Reads the concepts from the jemoji library's catalogue ({@code jemoji/emojis.json} in its jar). */
final class ConceptReader {

    private static final String MEMBER = "jemoji/emojis.json";
    private static final int FIRST_SKIN_TONE = 0x1F3FB;
    private static final int LAST_SKIN_TONE = 0x1F3FF;
    private static final int VARIATION_SELECTOR = 0xFE0F;

    private ConceptReader() {}

    /** Concepts by code points, in the catalogue's order. */
    static Map<String, Concept> read(Path jar) throws IOException {
        try (var zip = new ZipFile(jar.toFile())) {
            var member = zip.getEntry(MEMBER);
            if (member == null) {
                throw new DataFormatException(jar, "has no member " + MEMBER + "; delete the file to fetch it anew");
            }
            var concepts = new LinkedHashMap<String, Concept>();
            try (var stream = zip.getInputStream(member)) {
                for (var node : new ObjectMapper().readTree(stream)) {
                    var emoji = node.path("emoji").asText();
                    if (isBase(emoji) && !List.of("Flags", "Component").contains(group(node))) {
                        concepts.putIfAbsent(codePoints(emoji), concept(emoji, node));
                    }
                }
            }
            return Collections.unmodifiableMap(concepts);
        }
    }

    private static Concept concept(String emoji, JsonNode node) {
        var keywords = StreamSupport.stream(node.path("keywords").spliterator(), false)
                .map(JsonNode::asText)
                .toList();
        return new Concept(codePoints(emoji), node.path("description").asText(), group(node), keywords);
    }

    private static String group(JsonNode node) {
        return node.path("group").asText();
    }

    private static boolean isBase(String emoji) {
        return !emoji.isEmpty() && emoji.codePoints().noneMatch(c -> c >= FIRST_SKIN_TONE && c <= LAST_SKIN_TONE);
    }

    private static String codePoints(String emoji) {
        return emoji.codePoints()
                .filter(c -> c != VARIATION_SELECTOR)
                .mapToObj(Integer::toHexString)
                .collect(Collectors.joining("-"));
    }
}
