package org.clipc.runtime.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.clipc.runtime.eval.Retrieval;
import org.clipc.runtime.model.DatasetEmbedder.Embedded;

/** What a model is measured by on embedded data sets; fractions of 1, by the name of the measure. */
public final class Evaluations {

    private static final List<Integer> RETRIEVAL_RANKS = List.of(1, 5, 10);

    private Evaluations() {}

    /**
     * Recall of captions by their images and of images by their captions, over all captions of all images.
     *
     * @return {@code image_to_text_r1}, … {@code text_to_image_r10}
     */
    public static Map<String, Double> retrieval(DatasetEmbedder embedder, Embedded images) {
        var captions = new ArrayList<String>();
        var owners = new ArrayList<Integer>();
        for (var i = 0; i < images.captions().size(); i++) {
            for (var caption : images.captions().get(i)) {
                captions.add(caption);
                owners.add(i);
            }
        }
        var texts = embedder.texts(captions);
        var own = IntStream.range(0, images.keys().size()).boxed().toList();
        var scores = new LinkedHashMap<String, Double>();
        put(scores, "image_to_text_r", Retrieval.recall(images.images(), own, texts, owners, RETRIEVAL_RANKS));
        put(scores, "text_to_image_r", Retrieval.recall(texts, owners, images.images(), own, RETRIEVAL_RANKS));
        return scores;
    }

    private static void put(Map<String, Double> scores, String name, List<Double> recalls) {
        for (var i = 0; i < recalls.size(); i++) {
            scores.put(name + RETRIEVAL_RANKS.get(i), recalls.get(i));
        }
    }
}
