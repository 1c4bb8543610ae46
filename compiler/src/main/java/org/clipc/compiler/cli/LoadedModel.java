package org.clipc.compiler.cli;

import java.nio.file.Path;
import java.util.Map;
import java.util.SortedMap;
import org.clipc.compiler.config.Recipe;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.pack.ModelSource;

/** A model that is free of errors, with the recipe that configured it. */
record LoadedModel(
        Path file, ElaboratedModel model, SortedMap<Integer, ElaboratedModel> forShorterTexts, Recipe recipe) {

    ModelSource source() {
        return ModelSource.of(model, forShorterTexts);
    }

    /** Everything that decides what is compiled, nested maps with the key names of the recipe. */
    Map<String, Object> config() {
        return recipe.resolved(model.config());
    }
}
