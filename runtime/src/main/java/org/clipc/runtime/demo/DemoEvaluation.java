package org.clipc.runtime.demo;

import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.clipc.runtime.data.image.Interpolation;
import org.clipc.runtime.data.image.Normalization;
import org.clipc.runtime.data.image.ResizeMode;
import org.clipc.runtime.data.image.RgbImage;
import org.clipc.runtime.eval.Embeddings;
import org.clipc.runtime.eval.Retrieval;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.report.DemoReport.Found;
import org.clipc.runtime.report.DemoReport.Query;
import org.clipc.runtime.report.DemoReport.Score;
import org.clipc.runtime.report.Picture;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.text.ClipTokenizer;

/** Judges a trained model on the drawings that it never saw, beside the pixel baseline on the same split. */
public final class DemoEvaluation {

    private static final int EXAMPLES = 10;
    private static final int SHOWN = 6;

    private final ClipModel model;
    private final DemoData data;
    private final Normalization normalization;
    private final ClipTokenizer tokenizer = new ClipTokenizer();
    private final PixelBaseline baseline;
    private final Set<String> seen;
    private final List<Score> scores = new ArrayList<>();
    private final List<Query> queries = new ArrayList<>();

    public DemoEvaluation(ClipModel model, DemoData data, Normalization normalization, List<Drawing> training) {
        this.model = model;
        this.data = data;
        this.normalization = normalization;
        this.baseline = new PixelBaseline(training);
        this.seen = new HashSet<>();
        training.forEach(d -> seen.add(d.concept().codePoints()));
    }

    /** Runs all splits by one artist; call once for each. */
    public void judge(String artist, List<Drawing> drawings) {
        var known = drawings.stream()
                .filter(d -> seen.contains(d.concept().codePoints()))
                .toList();
        var unseen = drawings.stream().filter(d -> data.isHeldOut(d.concept())).toList();
        var seenConcepts = data.concepts().values().stream()
                .filter(c -> seen.contains(c.codePoints()))
                .sorted(Comparator.comparing(Concept::codePoints))
                .toList();
        score(artist + ", seen concepts", known, seenConcepts);
        scores.add(new Score(
                artist + ", seen concepts",
                "nearest pixels",
                known.size(),
                seenConcepts.size(),
                baseline.topK(known, 1),
                baseline.topK(known, 5),
                List.of(),
                List.of()));
        var heldOut = List.copyOf(
                new LinkedHashSet<>(unseen.stream().map(Drawing::concept).toList()));
        score(artist + ", held-out concepts", unseen, heldOut);
    }

    private void score(String split, List<Drawing> drawings, List<Concept> concepts) {
        var images = encodeImages(drawings);
        var classes = encodeTexts(concepts.stream().map(Concept::caption).toList());
        var drawn = drawings.stream().map(d -> concepts.indexOf(d.concept())).toList();
        var all = IntStream.range(0, concepts.size()).boxed().toList();
        var zeroShot = Retrieval.recall(images, drawn, classes, all, List.of(1, 5, 10));
        var asked = drawn.stream().distinct().sorted().toList();
        var captions =
                encodeTexts(asked.stream().map(i -> concepts.get(i).caption()).toList());
        var textToImage = Retrieval.recall(captions, asked, images, drawn, List.of(1, 5, 10));
        var imageToText = Retrieval.recall(images, drawn, captions, asked, List.of(1, 5, 10));
        scores.add(new Score(
                split,
                "this model",
                drawings.size(),
                concepts.size(),
                zeroShot.get(0),
                zeroShot.get(1),
                textToImage,
                imageToText));
        show(split, drawings, images, concepts, classes);
    }

    /** Examples spread evenly over the split, good and bad as they come. */
    private void show(
            String split, List<Drawing> drawings, Embeddings images, List<Concept> concepts, Embeddings classes) {
        for (var n = 0; n < Math.min(EXAMPLES, drawings.size()); n++) {
            var i = (int) ((long) n * drawings.size() / EXAMPLES);
            var drawing = drawings.get(i);
            if (n % 2 == 0) {
                var c = concepts.indexOf(drawing.concept());
                var found = classes.nearest(c, images, SHOWN).stream()
                        .map(j -> new Found(
                                drawings.get(j).concept().caption(),
                                Picture.of(drawings.get(j).png()),
                                classes.similarity(c, images, j),
                                drawings.get(j).concept().equals(drawing.concept())))
                        .toList();
                queries.add(new Query(drawing.concept().caption() + " (" + split + ")", found));
            } else {
                var found = images.nearest(i, classes, SHOWN).stream()
                        .map(j -> new Found(
                                concepts.get(j).caption(),
                                Picture.NONE,
                                images.similarity(i, classes, j),
                                concepts.get(j).equals(drawing.concept())))
                        .toList();
                queries.add(
                        new Query(drawing.concept().caption() + " (" + split + ")", Picture.of(drawing.png()), found));
            }
        }
    }

    public List<Score> scores() {
        return List.copyOf(scores);
    }

    public List<Query> queries() {
        return List.copyOf(queries);
    }

    private Embeddings encodeImages(List<Drawing> drawings) {
        var size = model.imageSize();
        var resize = ResizeMode.SQUASH.toSquare(size, Interpolation.BICUBIC, 0xFFFFFF);
        var pixels = new float[drawings.size() * 3 * size * size];
        IntStream.range(0, drawings.size()).parallel().forEach(i -> {
            var image = resize.apply(rgb(drawings.get(i).image()), new SplittableRandom(0));
            normalization.apply(image, pixels, i * 3 * size * size);
        });
        return embeddings(model.encodeImages(HostTensor.of(pixels, drawings.size(), 3, size, size)));
    }

    private Embeddings encodeTexts(List<String> captions) {
        var context = model.contextLength();
        var tokens = tokenizer.tokenize(captions, context);
        return embeddings(model.encodeTexts(HostTensor.of(tokens, captions.size(), context)));
    }

    private static Embeddings embeddings(HostTensor features) {
        return Embeddings.of(
                features.toFloats(), Math.toIntExact(features.shape().get(1)));
    }

    private static RgbImage rgb(BufferedImage image) {
        var width = image.getWidth();
        var bytes = new byte[3 * width * image.getHeight()];
        for (var i = 0; i < bytes.length / 3; i++) {
            var rgb = image.getRGB(i % width, i / width);
            bytes[3 * i] = (byte) (rgb >> 16);
            bytes[3 * i + 1] = (byte) (rgb >> 8);
            bytes[3 * i + 2] = (byte) rgb;
        }
        return new RgbImage(width, image.getHeight(), bytes);
    }
}
