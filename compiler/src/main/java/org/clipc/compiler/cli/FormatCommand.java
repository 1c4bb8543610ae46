package org.clipc.compiler.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.clipc.grammar.ClipSyntax;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.format.Formatter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clipc fmt}: the canonical layout of sources. */
@Command(
        name = "fmt",
        description = "Lays out .clip files canonically. Files with syntax errors stay as they are.",
        mixinStandardHelpOptions = true)
final class FormatCommand implements Callable<Integer> {

    private enum Outcome {
        UNCHANGED,
        CHANGED,
        WRONG
    }

    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--check", description = "Change nothing; exit with 2 if a file is not laid out canonically.")
    private boolean checkOnly;

    @Option(names = "--stdout", description = "Print the result instead of changing the file.")
    private boolean toStdout;

    @Parameters(paramLabel = "FILE", arity = "1..*", description = ".clip files; a folder stands for those in it.")
    private List<String> arguments = List.of();

    @Override
    public Integer call() throws IOException {
        var console = Console.of(spec);
        var sources = Sources.of(arguments);
        if (!sources.overrides().isEmpty()) {
            throw new Failure("fmt takes no configuration, but got '"
                    + sources.overrides().getFirst() + "'");
        }
        var changed = 0;
        var wrong = 0;
        for (var file : sources.files()) {
            switch (format(file, console)) {
                case CHANGED -> changed++;
                case WRONG -> wrong++;
                case UNCHANGED -> {}
            }
        }
        if (checkOnly && changed > 0) {
            console.error("%d of %d files are not laid out canonically; 'clipc fmt' does that"
                    .formatted(changed, sources.files().size()));
        }
        return wrong > 0 || (checkOnly && changed > 0) ? Clipc.WRONG_INPUT : Clipc.OK;
    }

    private Outcome format(Path file, Console console) throws IOException {
        // The parser says best what is wrong with a file that is no source at all.
        var parsed = ClipSyntax.parse(file);
        if (!parsed.ok()) {
            console.diagnostics(parsed.diagnostics());
            return Outcome.WRONG;
        }
        var text = Files.readString(file);
        var result = Formatter.format(new SourceFile(file.toString(), text)).text();
        if (toStdout) {
            console.out().print(result);
            console.out().flush();
        }
        if (result.equals(text)) {
            return Outcome.UNCHANGED;
        }
        if (checkOnly) {
            console.out().println(file);
        } else if (!toStdout) {
            OutputFile.write(file, result.getBytes(StandardCharsets.UTF_8));
            console.out().println("formatted " + file);
        }
        return Outcome.CHANGED;
    }
}
