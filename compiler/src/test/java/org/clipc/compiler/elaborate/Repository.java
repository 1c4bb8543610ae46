package org.clipc.compiler.elaborate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.config.Setting;
import org.clipc.grammar.diagnostic.DiagnosticPrinter;
import org.jspecify.annotations.Nullable;

/** The project's own models. */
final class Repository {
    private Repository() {}

    /** The folder clip-graphs, found from wherever the tests run. */
    static Path graphs() {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folder.resolve("clip-graphs"))) {
            folder = Objects.requireNonNull(
                    folder.getParent(), "no clip-graphs above " + Path.of("").toAbsolutePath());
        }
        return folder.resolve("clip-graphs");
    }

    static Map<String, Setting> settings(@Nullable Object... keysAndValues) {
        Map<String, Setting> settings = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put(
                    String.valueOf(keysAndValues[i]), new Setting(keysAndValues[i + 1], Setting.Origin.COMMAND_LINE));
        }
        return settings;
    }

    static ElaboratedModel load(String name, @Nullable Object... keysAndValues) {
        Elaborated elaborated = Elaborator.load(graphs().resolve(name + ".clip"), graphs(), settings(keysAndValues));
        if (elaborated.model() == null) {
            throw new AssertionError(DiagnosticPrinter.plain().print(elaborated.diagnostics()));
        }
        return elaborated.model();
    }
}
