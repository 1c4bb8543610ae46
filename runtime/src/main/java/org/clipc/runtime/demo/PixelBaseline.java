package org.clipc.runtime.demo;

import java.awt.Image;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The yardstick without learning: the nearest training picture, by squared distance of 16 by 16 pixels. */
public final class PixelBaseline {

    private static final int SIDE = 16;

    private final Map<String, List<float[]>> pixelsByConcept = new LinkedHashMap<>();

    public PixelBaseline(List<Drawing> training) {
        training.forEach(drawing -> pixelsByConcept
                .computeIfAbsent(drawing.concept().codePoints(), _ -> new ArrayList<>())
                .add(pixels(drawing.image())));
    }

    /**
     * The share of {@code queries} whose concept is among the {@code k} nearest, a concept being as near as its nearest
     * picture.
     */
    public double topK(List<Drawing> queries, int k) {
        var hits = queries.parallelStream()
                .filter(q -> nearest(q, k).contains(q.concept().codePoints()));
        return (double) hits.count() / queries.size();
    }

    private List<String> nearest(Drawing query, int k) {
        var pixels = pixels(query.image());
        var distances = new LinkedHashMap<String, Double>();
        pixelsByConcept.forEach((concept, pictures) -> distances.put(
                concept,
                pictures.stream().mapToDouble(p -> distance(p, pixels)).min().orElse(Double.POSITIVE_INFINITY)));
        return distances.entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue().thenComparing(Map.Entry.comparingByKey()))
                .limit(k)
                .map(Map.Entry::getKey)
                .toList();
    }

    private static double distance(float[] a, float[] b) {
        var sum = 0.0;
        for (var i = 0; i < a.length; i++) {
            sum += (double) (a[i] - b[i]) * (a[i] - b[i]);
        }
        return sum;
    }

    private static float[] pixels(BufferedImage image) {
        var small = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        var graphics = small.createGraphics();
        graphics.drawImage(image.getScaledInstance(SIDE, SIDE, Image.SCALE_AREA_AVERAGING), 0, 0, null);
        graphics.dispose();
        var result = new float[SIDE * SIDE * 3];
        for (var i = 0; i < SIDE * SIDE; i++) {
            var rgb = small.getRGB(i % SIDE, i / SIDE);
            for (var channel = 0; channel < 3; channel++) {
                result[3 * i + channel] = ((rgb >> (8 * channel)) & 0xFF) / 255f;
            }
        }
        return result;
    }
}
