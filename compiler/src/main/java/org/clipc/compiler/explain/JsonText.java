package org.clipc.compiler.explain;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON for programs to read, laid out so that people can. */
public final class JsonText {

    private JsonText() {}

    /** An object with these keys in this order. */
    public static Map<String, Object> ordered(Object... keysAndValues) {
        var pairs = List.of(keysAndValues);
        var map = new LinkedHashMap<String, Object>();
        for (var i = 0; i < pairs.size(); i += 2) {
            map.put((String) pairs.get(i), pairs.get(i + 1));
        }
        return map;
    }

    /** @param root nested maps and lists of numbers, words and flags */
    public static String write(Map<String, Object> root) {
        var printer = new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));
        printer.indentArraysWith(new DefaultIndenter("  ", "\n"));
        try {
            return new JsonMapper().writer(printer).writeValueAsString(root) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("numbers and words are always JSON", e);
        }
    }
}
