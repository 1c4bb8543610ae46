package org.clipc.compiler.explain;

import java.util.List;
import java.util.Map;
import org.clipc.compiler.elaborate.ElaboratedModel;

/** Counts what a model takes. */
public final class Explainer {

    /** Modules within modules that get a line of their own. */
    private static final int DEPTH = 2;

    private Explainer() {}

    public static Explanation explain(ElaboratedModel model, String recipe) {
        var towers = Towers.of(model);
        return new Explanation(
                model.name(),
                recipe,
                towers.count(),
                new Explanation.Flops(towers.imageFlops(), towers.textFlops(), 0),
                null,
                0,
                List.of(),
                Map.of(),
                towers.modules().rows(DEPTH));
    }
}
