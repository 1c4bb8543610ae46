package org.clipc.compiler.cli;

import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.clipc.compiler.config.Recipe;
import org.clipc.compiler.config.Setting;
import org.clipc.compiler.elaborate.Elaborated;
import org.clipc.compiler.elaborate.ElaboratedModel;

/**
 * What {@code model.text_lengths} asks for: the model for shorter texts. With a causal mask and pooling at the end of the
 * text, nothing behind that token matters, and most captions have some 10 of 77 tokens.
 */
final class ShorterTexts {

    private static final String KEY = "model.text_lengths";
    private static final String LENGTH = "text.encoder_seq_length";
    private static final String POSITIONS = "text.max_position_embeddings";

    private ShorterTexts() {}

    /**
     * @param elaborate makes the model of other settings
     * @return by number of tokens; lengths that are not shorter than the model's own are left out
     */
    static SortedMap<Integer, ElaboratedModel> of(
            ElaboratedModel model, Recipe recipe, Function<Map<String, Setting>, Elaborated> elaborate) {
        var shorter = new TreeMap<Integer, ElaboratedModel>();
        var lengths = recipe.numbers(KEY);
        if (lengths.isEmpty()) {
            return shorter;
        }
        if (!(model.config().get("text") instanceof Map<?, ?> text
                && text.get("encoder_seq_length") instanceof Long whole
                && text.get("max_position_embeddings") instanceof Long positions
                && Boolean.TRUE.equals(text.get("causal"))
                && "eot".equals(text.get("pooling")))) {
            throw new Failure(
                    KEY + " needs a text tower with text.causal and text.pooling 'eot': only there what stands"
                            + " behind the end of a text does not matter");
        }
        for (var length : lengths) {
            if (length != Math.rint(length)) {
                throw new Failure(KEY + " holds " + length + ", but lengths are whole numbers of tokens");
            }
            if (length < whole) {
                var settings = new HashMap<>(recipe.modelSettings());
                settings.put(LENGTH, new Setting(length.longValue(), Setting.Origin.COMMAND_LINE));
                settings.put(POSITIONS, new Setting(positions, Setting.Origin.COMMAND_LINE));
                var elaborated = elaborate.apply(settings).model();
                if (elaborated == null) {
                    throw new Failure(
                            KEY + ": the model cannot be built for texts of " + length.intValue() + " tokens");
                }
                shorter.put(length.intValue(), elaborated);
            }
        }
        return shorter;
    }
}
