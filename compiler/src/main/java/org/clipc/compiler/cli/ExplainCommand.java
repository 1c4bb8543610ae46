package org.clipc.compiler.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.clipc.compiler.explain.Explainer;
import org.clipc.compiler.explain.ExplanationJson;
import org.clipc.compiler.explain.ExplanationText;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code clipc explain}: what a model takes. */
@Command(
        name = "explain",
        description = "Tells what a model takes: parameters, arithmetic, memory, kernels, compile time.",
        mixinStandardHelpOptions = true)
final class ExplainCommand implements Callable<Integer> {

    @Spec
    private @Nullable CommandSpec spec;

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Option(names = "--json", description = "Print JSON instead of tables.")
    private boolean json;

    @Parameters(index = "0", paramLabel = "FILE", description = "The model.")
    private Path file = Path.of("");

    @Parameters(index = "1..*", paramLabel = "key=value", description = "Overrides of the recipe.")
    private List<String> overrides = List.of();

    @Override
    public Integer call() {
        var console = Console.of(spec);
        var loaded = options.load(file, overrides, console);
        var explanation = Explainer.explain(loaded.model(), loaded.recipe().described());
        console.out().print(json ? ExplanationJson.of(explanation) : ExplanationText.of(explanation));
        console.out().flush();
        return Clipc.OK;
    }
}
