package org.clipc.runtime.data.image;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Antialiased resizing with the arithmetic of Pillow's {@code Resample.c}: a horizontal and a vertical pass, each in
 * 22-bit fixed point and rounded to 8 bits, so that results equal PIL's bit for bit, as Pillow 11.3 has it. (Pillow 13
 * sometimes takes the vertical pass first: samples are then rounded otherwise by one, and where the first pass overshoots
 * and is cut at black or white, as in noise, by more.)
 */
public final class Resampler {
    private static final int PRECISION_BITS = 22;

    private Resampler() {}

    public static RgbImage resize(RgbImage image, int width, int height, Interpolation filter) {
        return resizeWindow(image, width, height, new Window(0, 0, width, height), filter);
    }

    /** A part of a resized picture, in its pixels. */
    record Window(long left, long top, int width, int height) {}

    /**
     * What {@code window} would show of the picture resized to {@code fullWidth} x {@code fullHeight}. Only that part is
     * computed, so a full size of billions of pixels does no harm.
     */
    static RgbImage resizeWindow(RgbImage image, long fullWidth, long fullHeight, Window window, Interpolation filter) {
        Weights columns = Weights.of(image.width(), fullWidth, window.left(), window.width(), filter);
        Weights rows = Weights.of(image.height(), fullHeight, window.top(), window.height(), filter);
        int top = rows.first[0];
        RgbImage needed = image.crop(0, top, image.width(), rows.end() - top);
        RgbImage wide = fullWidth == image.width()
                ? needed.crop((int) window.left(), 0, window.width(), needed.height())
                : alongRows(needed, columns);
        return fullHeight == image.height() ? wide : alongColumns(wide, rows, top);
    }

    /** For each output place the first source place and the fixed-point weights from there on. */
    private static final class Weights {
        private final int[] first;
        private final int[][] weights;

        private Weights(int[] first, int[][] weights) {
            this.first = first;
            this.weights = weights;
        }

        static Weights of(int inSize, long outSize, long outFrom, int count, Interpolation filter) {
            double scale = (double) inSize / outSize;
            double filterScale = Math.max(scale, 1);
            // Without resizing each place is itself: PIL leaves such a pass out.
            double support = outSize == inSize ? 0.5 : filter.support() * filterScale;
            var first = new int[count];
            var weights = new int[count][];
            for (int out = 0; out < count; out++) {
                double centre = (outFrom + out + 0.5) * scale;
                int from = Math.max((int) (centre - support + 0.5), 0);
                int to = Math.min((int) (centre + support + 0.5), inSize);
                first[out] = from;
                weights[out] = fixedPoint(IntStream.range(0, to - from)
                        .mapToDouble(i -> filter.weight((i + from - centre + 0.5) * (1 / filterScale)))
                        .toArray());
            }
            return new Weights(first, weights);
        }

        int count() {
            return first.length;
        }

        /** The source place after the last one used. */
        int end() {
            int last = count() - 1;
            return first[last] + weights[last].length;
        }

        private static int[] fixedPoint(double[] weights) {
            double sum = 0;
            for (double weight : weights) {
                sum += weight;
            }
            var fixed = new int[weights.length];
            for (int i = 0; i < weights.length; i++) {
                double scaled = (sum == 0 ? weights[i] : weights[i] / sum) * (1 << PRECISION_BITS);
                fixed[i] = (int) (scaled < 0 ? scaled - 0.5 : scaled + 0.5);
            }
            return fixed;
        }
    }

    private static RgbImage alongRows(RgbImage image, Weights weights) {
        int width = weights.count();
        RgbImage result = RgbImage.blank(width, image.height());
        byte[] in = image.rgb();
        byte[] out = result.rgb();
        for (int y = 0; y < image.height(); y++) {
            int row = 3 * y * image.width();
            for (int x = 0; x < width; x++) {
                int[] weight = weights.weights[x];
                int at = row + 3 * weights.first[x];
                int red = 1 << (PRECISION_BITS - 1);
                int green = red;
                int blue = red;
                for (int w : weight) {
                    red += w * (in[at] & 0xff);
                    green += w * (in[at + 1] & 0xff);
                    blue += w * (in[at + 2] & 0xff);
                    at += 3;
                }
                int to = 3 * (y * width + x);
                out[to] = clip(red);
                out[to + 1] = clip(green);
                out[to + 2] = clip(blue);
            }
        }
        return result;
    }

    /** {@code top} is the source row that the picture starts with. */
    private static RgbImage alongColumns(RgbImage image, Weights weights, int top) {
        RgbImage result = RgbImage.blank(image.width(), weights.count());
        byte[] in = image.rgb();
        int rowBytes = 3 * image.width();
        var sums = new int[rowBytes];
        for (int y = 0; y < weights.count(); y++) {
            Arrays.fill(sums, 1 << (PRECISION_BITS - 1));
            int at = (weights.first[y] - top) * rowBytes;
            for (int w : weights.weights[y]) {
                for (int i = 0; i < rowBytes; i++) {
                    sums[i] += w * (in[at + i] & 0xff);
                }
                at += rowBytes;
            }
            for (int i = 0; i < rowBytes; i++) {
                result.rgb()[y * rowBytes + i] = clip(sums[i]);
            }
        }
        return result;
    }

    private static byte clip(int fixed) {
        int sample = fixed >> PRECISION_BITS;
        return (byte) (sample < 0 ? 0 : Math.min(sample, 255));
    }
}
