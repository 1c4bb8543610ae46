package org.clipc.compiler.elaborate;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.config.Setting;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.DiagnosticPrinter;
import org.clipc.ir.Graph;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.jspecify.annotations.Nullable;

/** Small sources made on the spot. */
record Source(Path folder, String text) {

    /** A model with one entry point, of the given body. */
    static Source entry(Path folder, String declarations, String parameters, String body) {
        return new Source(folder, declarations + "\nmodel M {\n  entry main(" + parameters + ") = " + body + "\n}\n");
    }

    Elaborated load(@Nullable Object... keysAndValues) {
        return load(Repository.settings(keysAndValues));
    }

    private Elaborated load(Map<String, Setting> settings) {
        try {
            Path file = folder.resolve("m.clip");
            Files.writeString(file, text);
            return Elaborator.load(file, folder, settings);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    ElaboratedModel model(@Nullable Object... keysAndValues) {
        return load(keysAndValues).orThrow();
    }

    /** What is wrong with it, a line for each: {@code line:column message}. */
    String problems(@Nullable Object... keysAndValues) {
        var lines = new StringBuilder();
        for (Diagnostic d : load(keysAndValues).diagnostics()) {
            boolean located = !d.span().file().text().isEmpty();
            lines.append(
                            located
                                    ? d.span().line() + ":" + d.span().column()
                                    : d.span().file().name())
                    .append(' ')
                    .append(d.message())
                    .append('\n');
        }
        return lines.toString();
    }

    String printed() {
        return DiagnosticPrinter.plain().print(load().diagnostics());
    }

    /** Runs the entry {@code main}. */
    Tensor64 run(int batch, boolean training, Map<String, Tensor64> inputs) {
        Graph graph = Verifier.check(model().entry("main", batch, training));
        return Objects.requireNonNull(Interpreter.run(graph, inputs).get("main"));
    }
}
