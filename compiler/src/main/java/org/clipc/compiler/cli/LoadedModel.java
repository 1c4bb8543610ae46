package org.clipc.compiler.cli;

import java.nio.file.Path;
import java.util.Map;
import org.clipc.compiler.config.Recipe;
import org.clipc.compiler.elaborate.ElaboratedModel;

/** A model that is free of errors, with the recipe that configured it. */
record LoadedModel(Path file, ElaboratedModel model, Recipe recipe) {

    /** Everything that decides what is compiled, nested maps with the key names of the recipe. */
    Map<String, Object> config() {
        return recipe.resolved(model.config());
    }
}
