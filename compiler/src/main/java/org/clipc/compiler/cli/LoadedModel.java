package org.clipc.compiler.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
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
     * @param names those that there are
     */
    String requireEntry(@Nullable String entry, List<String> names) {
        if (names.isEmpty()) {
            throw new Failure(model.name() + " has no entry points");
        }
        if (entry == null || !names.contains(entry)) {
            throw new Failure(
                    "%s has no entry point '%s', only %s".formatted(model.name(), entry, String.join(", ", names))
                            + Suggestion.among(String.valueOf(entry), names));
        }
        return entry;
    }

    /** Everything that decides what is compiled, nested maps with the key names of the recipe. */
    Map<String, Object> config() {
        return recipe.resolved(model.config());
    }
}
