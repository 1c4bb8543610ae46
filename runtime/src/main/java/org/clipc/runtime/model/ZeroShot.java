package org.clipc.runtime.model;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.clipc.runtime.data.Batch;
import org.clipc.runtime.data.source.FolderSource;
import org.clipc.runtime.eval.Embeddings;
import org.clipc.runtime.eval.PromptTemplates;
import org.clipc.runtime.eval.Retrieval;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.io.TextFile;
import org.clipc.runtime.model.DatasetEmbedder.Embedded;

/**
 * Classification without training on the classes: the answer is the class whose prompts' mean feature is nearest (Radford et
 * al., "Learning transferable visual models from natural language supervision", 2021, section 3.1.4).
 *
 * @param classes their names, in the order of labels from 0 on
 */
public record ZeroShot(List<String> classes, PromptTemplates templates) {

    private static final List<Integer> RANKS = List.of(1, 5);

    public ZeroShot {
        classes = List.copyOf(classes);
    }

    /**
     * The names of classes, as they are given to an option.
     *
     * @param given a file with one a line, or names; nothing for those of a folder of images
     * @param data the images
     * @param option what it was given to, for messages
     * @throws DataFormatException if there are none
     */
    public static List<String> classNames(List<String> given, String data, String option) throws IOException {
        var lines = switch (given.size()) {
            case 0 -> foldersOf(data, option);
            case 1 -> linesOf(given.getFirst(), option);
            default -> given;
        };
        var names = lines.stream().map(String::strip).filter(n -> !n.isEmpty()).toList();
        if (names.isEmpty()) {
            throw new DataFormatException(option, "names no class");
        }
        return names;
    }

    private static List<String> foldersOf(String data, String option) throws IOException {
        var folder = Path.of(data);
        var names = Files.isDirectory(folder) ? FolderSource.classNames(folder) : List.<String>of();
        if (names.isEmpty()) {
            throw new DataFormatException(data, "names no classes by folders: give the classes with " + option);
        }
        return names;
    }

    private static List<String> linesOf(String file, String option) throws IOException {
        if (!Files.isRegularFile(Path.of(file))) {
            throw new DataFormatException(option, "there is no file " + file + ", and no comma between names");
        }
        return TextFile.readLines(Path.of(file));
    }

    /** One row for each class: the mean of its prompts' features. */
    public Embeddings embedClasses(DatasetEmbedder embedder) {
        var prompts =
                classes.stream().flatMap(name -> templates.fill(name).stream()).toList();
        return embedder.texts(prompts).averaged(templates.templates().size());
    }

    /**
     * How many answers are right.
     *
     * @param rows of the classes
     * @param data where the images are from, for messages
     * @return {@code top1} and {@code top5}, fractions of 1
     * @throws DataFormatException as {@link #requireLabels} does
     */
    public Map<String, Double> score(Embeddings rows, Embedded images, String data) {
        requireLabels(images, data);
        var numbers = IntStream.range(0, classes.size()).boxed().toList();
        var recalls = Retrieval.recall(images.images(), images.labels(), rows, numbers, RANKS);
        var scores = new LinkedHashMap<String, Double>();
        for (var i = 0; i < RANKS.size(); i++) {
            scores.put("top" + RANKS.get(i), recalls.get(i));
        }
        return scores;
    }

    /** @throws DataFormatException if there is no image, or one whose label is no class's number */
    public void requireLabels(Embedded images, String data) {
        if (images.keys().isEmpty()) {
            throw new DataFormatException(data, "holds no image that can be read");
        }
        for (var i = 0; i < images.labels().size(); i++) {
            requireClass(images.labels().get(i), images.keys().get(i), data);
        }
    }

    private void requireClass(int label, String image, String data) {
        if (label == Batch.NO_LABEL) {
            throw new DataFormatException(data, image + " has no label, that is, number of its class");
        }
        if (label >= classes.size()) {
            throw new DataFormatException(
                    data,
                    image + " has the label " + label + ", but there are only " + classes.size() + " classes, from 0");
        }
    }
}
