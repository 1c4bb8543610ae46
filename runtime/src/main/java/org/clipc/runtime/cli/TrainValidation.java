package org.clipc.runtime.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.clipc.program.EntryPoint;
import org.clipc.runtime.data.source.DataSources;
import org.clipc.runtime.data.source.FolderSource;
import org.clipc.runtime.data.source.SampleSource;
import org.clipc.runtime.eval.PromptTemplates;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.model.DatasetEmbedder;
import org.clipc.runtime.model.DatasetEmbedder.Embedded;
import org.clipc.runtime.model.Evaluations;
import org.clipc.runtime.model.Preprocessing;
import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.model.ZeroShot;
import org.clipc.runtime.train.TrainMetrics;
import org.jspecify.annotations.Nullable;

/**
 * What a recipe asks to measure while a model trains: retrieval on captioned images, and zero-shot classification of labelled
 * ones, as NeMo's CLIP does with ImageNet.
 */
final class TrainValidation {

    private static final String PAIRS = "model.data.validation.dataset_path";
    private static final String LABELLED = "model.data.imagenet_val";
    private static final String CLASSES = "model.data.imagenet_classes";
    private static final String TEMPLATES = "model.data.imagenet_templates";

    private final @Nullable SampleSource pairs;

    /** Batches of pairs; empty for all. */
    private final Optional<Long> limit;

    private final @Nullable Labelled labelled;

    private record Labelled(String data, SampleSource source, ZeroShot task) {}

    private TrainValidation(@Nullable SampleSource pairs, Optional<Long> limit, @Nullable Labelled labelled) {
        this.pairs = pairs;
        this.limit = limit;
        this.labelled = labelled;
    }

    /**
     * Opens what data there is. Empty if the recipe asks for no validation.
     *
     * @throws DataFormatException for what is missing or malformed
     */
    static Optional<TrainValidation> of(Recipe recipe) throws IOException {
        var limit = recipe.integer("trainer.limit_val_batches");
        var pairs = recipe.texts(PAIRS);
        var labelled = recipe.texts(LABELLED);
        if (every(recipe) == 0 || limit.orElse(1L) == 0 || (pairs.isEmpty() && labelled.isEmpty())) {
            return Optional.empty();
        }
        return Optional.of(new TrainValidation(
                pairs.isEmpty() ? null : DataSources.open(TrainCommand.pattern(pairs), TrainCommand.tables(recipe)),
                limit,
                labelled.isEmpty() ? null : labelled(recipe, TrainCommand.pattern(labelled))));
    }

    private static Labelled labelled(Recipe recipe, String data) throws IOException {
        var source = DataSources.open(data);
        var classes = ZeroShot.classNames(recipe.texts(CLASSES), data, CLASSES);
        var folders = Files.isDirectory(Path.of(data))
                ? FolderSource.classNames(Path.of(data)).size()
                : 0;
        if (folders > classes.size()) {
            throw new DataFormatException(
                    CLASSES, "names " + classes.size() + " classes, but " + data + " has folders of " + folders);
        }
        var templates = PromptTemplates.named(recipe.text(TEMPLATES).orElse(PromptTemplates.IMAGENET));
        return new Labelled(data, source, new ZeroShot(classes, templates));
    }

    /** Steps between validations; 0 for none. */
    static long every(Recipe recipe) {
        return recipe.integer("trainer.val_check_interval").orElse(0L);
    }

    /**
     * Looks at one labelled image, lest training go far before it turns out that none has a label.
     *
     * @param workers threads that read and decode
     * @return measures {@code image_to_text_r1}, … {@code text_to_image_r10}, {@code zeroshot_top1} and {@code
     *     zeroshot_top5}, as far as there is data
     */
    TrainMetrics.Validation start(ClipModel model, Preprocessing preprocessing, int workers) throws IOException {
        var embedder = new DatasetEmbedder(model, preprocessing, workers);
        if (labelled != null) {
            labelled.task().requireLabels(images(embedder, labelled.source(), 1), labelled.data());
        }
        var batch = model.manifest().entry(EntryPoint.ENCODE_IMAGE).batch();
        long most = limit.map(batches -> Math.multiplyExact(batches, batch)).orElse((long) Integer.MAX_VALUE);
        return () -> {
            var scores = new LinkedHashMap<String, Double>();
            if (pairs != null) {
                scores.putAll(Evaluations.retrieval(embedder, images(embedder, pairs, most)));
            }
            if (labelled != null) {
                classify(embedder, labelled).forEach((name, score) -> scores.put("zeroshot_" + name, score));
            }
            return scores;
        };
    }

    private static Map<String, Double> classify(DatasetEmbedder embedder, Labelled labelled) throws IOException {
        var classes = labelled.task().embedClasses(embedder);
        var images = images(embedder, labelled.source(), Integer.MAX_VALUE);
        return labelled.task().score(classes, images, labelled.data());
    }

    private static Embedded images(DatasetEmbedder embedder, SampleSource source, long most) throws IOException {
        try {
            return embedder.images(source, most, _ -> {});
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while validating");
        }
    }
}
