package org.clipc.compiler.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.function.Supplier;
import org.clipc.compiler.config.Recipe;
import org.clipc.compiler.config.Suggestion;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.pack.ModelSource;
import org.jspecify.annotations.Nullable;

/** A model that is free of errors, with the recipe that configured it. */
record LoadedModel(
        Path file, ElaboratedModel model, SortedMap<Integer, ElaboratedModel> forShorterTexts, Recipe recipe) {

    ModelSource source() {
        return ModelSource.of(model, forShorterTexts);
    }

    /**
     * The entry point that is asked for.
     *
     * @param asked its name; null for the usual one
     * @param names those that there are
     * @param usual one of them
     */
    String entry(@Nullable String asked, List<String> names, Supplier<String> usual) {
        if (names.isEmpty()) {
            throw new Failure(model.name() + " has no entry points");
        }
        if (asked == null) {
            return usual.get();
        }
        if (!names.contains(asked)) {
            throw new Failure(
                    "%s has no entry point '%s', only %s".formatted(model.name(), asked, String.join(", ", names))
                            + Suggestion.among(asked, names));
        }
        return asked;
    }

    /** Everything that decides what is compiled, nested maps with the key names of the recipe. */
    Map<String, Object> config() {
        return recipe.resolved(model.config());
    }
}
