package org.clipc.runtime.data.source;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Captions in a sample's JSON file: a string or an array of strings under one of the usual names. */
final class CaptionJson {
    static final List<String> KEYS = List.of("caption", "captions", "text", "texts");

    private static final ObjectMapper JSON = new ObjectMapper();

    private CaptionJson() {}

    static List<String> captions(String json) throws IOException {
        JsonNode root;
        try {
            root = JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new IOException("its JSON is damaged: " + e.getOriginalMessage(), e);
        }
        return captions(root, KEYS);
    }

    /** Captions of the first of {@code keys} that holds any. */
    static List<String> captions(JsonNode root, List<String> keys) {
        for (String key : keys) {
            List<String> found = strings(root.path(key));
            if (!found.isEmpty()) {
                return found;
            }
        }
        return List.of();
    }

    private static List<String> strings(JsonNode value) {
        var strings = new ArrayList<String>();
        if (value.isTextual()) {
            strings.add(value.textValue());
        } else if (value.isArray()) {
            for (JsonNode element : value) {
                if (element.isTextual()) {
                    strings.add(element.textValue());
                }
            }
        }
        return strings;
    }
}
