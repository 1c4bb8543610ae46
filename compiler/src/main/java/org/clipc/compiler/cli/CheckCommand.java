package org.clipc.compiler.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.grammar.ClipSyntax;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clipc check}: everything that is wrong with some models, at once. */
@Command(
        name = "check",
        description = "Reports everything that is wrong with models: syntax, types, shapes, configuration.",
        mixinStandardHelpOptions = true)
final class CheckCommand implements Callable<Integer> {

    @Spec
    private @Nullable CommandSpec spec;

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Parameters(
            paramLabel = "FILE|key=value",
            arity = "1..*",
            description = ".clip files (a folder stands for those in it), and overrides of their configuration.")
    private List<String> arguments = List.of();

    @Override
    public Integer call() throws IOException {
        var console = Console.of(spec);
        var sources = Sources.of(arguments);
        var failed = 0;
        for (var file : sources.files()) {
            failed += check(file, sources.overrides(), console) ? 0 : 1;
        }
        if (failed > 0 && sources.files().size() > 1) {
            console.error("%d of %d files have errors"
                    .formatted(failed, sources.files().size()));
        }
        return failed == 0 ? Clipc.OK : Clipc.WRONG_INPUT;
    }

    private boolean check(Path file, List<String> overrides, Console console) {
        var syntax = ClipSyntax.parse(file);
        var hasModel = syntax.unit().declarations().stream().anyMatch(Declaration.Model.class::isInstance);
        if (!hasModel && syntax.ok() && !syntax.unit().declarations().isEmpty()) {
            var problems = options.checkLibrary(file);
            console.diagnostics(problems);
            if (problems.stream().anyMatch(Diagnostic::isError)) {
                return false;
            }
            console.out().println("ok  " + file + ": a library (its modules are checked where models use them)");
            return true;
        }
        var recipe = options.recipe(file, overrides);
        var elaborated = options.elaborate(file, recipe);
        recipe.problems().forEach(console::error);
        console.diagnostics(elaborated.diagnostics());
        var model = elaborated.model();
        if (model == null || !recipe.problems().isEmpty()) {
            return false;
        }
        console.out().println("ok  " + file + " with " + recipe.described() + ": " + summary(model));
        return true;
    }

    static String summary(ElaboratedModel model) {
        var elements =
                model.parameters().stream().mapToLong(p -> p.type().elements()).sum();
        return String.format(
                Locale.ROOT,
                "%s, %,d parameters in %d tensors, entries %s",
                model.name(),
                elements,
                model.parameters().size(),
                String.join(", ", model.entryNames()));
    }
}
