package org.clipc.compiler.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.clipc.compiler.config.Recipe;
import org.clipc.compiler.elaborate.Elaborated;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What a command about one model is given. */
final class ModelArguments {

    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec spec;

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Parameters(index = "0", paramLabel = "FILE", description = "The model, or a recipe named as the model is.")
    private Path file = Path.of("");

    @Parameters(index = "1..*", paramLabel = "key=value", description = "Overrides of the recipe.")
    private List<String> overrides = List.of();

    Console console() {
        return Console.of(spec);
    }

    LoadedModel load() {
        return load(List.of());
    }

    /** @param more overrides, on top of those given */
    LoadedModel load(List<String> more) {
        return options.load(options.modelOf(file), overridesWith(more), console());
    }

    /** The recipe of a model that was loaded, with more overrides. */
    Recipe recipe(LoadedModel loaded, List<String> more) {
        return options.recipe(loaded.file(), overridesWith(more));
    }

    /** A model that was loaded, with another recipe. */
    Elaborated elaborate(LoadedModel loaded, Recipe recipe) {
        return options.elaborate(loaded.file(), recipe);
    }

    private List<String> overridesWith(List<String> more) {
        var all = new ArrayList<>(overrides);
        all.addAll(more);
        return all;
    }
}
