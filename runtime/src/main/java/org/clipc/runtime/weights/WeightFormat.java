package org.clipc.runtime.weights;

import java.util.List;
import org.clipc.program.Parameter;

/** Under whose names a file holds a model's parameters. */
public enum WeightFormat {
    OPEN_CLIP,
    HUGGINGFACE;

    /** The kinds of files, as they would be for a program of these parameters. */
    List<WeightLayout> layouts(List<Parameter> parameters) {
        return switch (this) {
            case OPEN_CLIP -> List.of(WeightLayout.openClip(parameters));
            case HUGGINGFACE ->
                List.of(HuggingFaceNames.clipModel(parameters), HuggingFaceNames.siglipModel(parameters));
        };
    }
}
