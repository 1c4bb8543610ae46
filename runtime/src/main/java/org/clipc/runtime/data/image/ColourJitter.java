package org.clipc.runtime.data.image;

import java.awt.Color;
import java.util.random.RandomGenerator;

/**
 * Random brightness, contrast and saturation, each by a factor between 1 - x and 1 + x, and hue shifted by up to h of the
 * colour circle; in random order, as torchvision's {@code ColorJitter} on a PIL image.
 *
 * @param hue at most 0.5
 * @param probability of doing anything at all
 */
public record ColourJitter(double brightness, double contrast, double saturation, double hue, double probability)
        implements ImageTransform {
    private static final int STEPS = 4;

    public ColourJitter {
        if (brightness < 0 || contrast < 0 || saturation < 0 || hue < 0 || hue > 0.5) {
            throw new IllegalArgumentException("colour jitter needs factors of at least 0 and a hue of at most 0.5");
        }
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        if (random.nextDouble() >= probability) {
            return image;
        }
        int[] order = shuffledSteps(random);
        double brightnessFactor = factor(brightness, random);
        double contrastFactor = factor(contrast, random);
        double saturationFactor = factor(saturation, random);
        double hueShift = hue * (2 * random.nextDouble() - 1);
        RgbImage result = image;
        for (int step : order) {
            result = switch (step) {
                case 0 -> brighten(result, brightnessFactor);
                case 1 -> contrast(result, contrastFactor);
                case 2 -> saturate(result, saturationFactor);
                default -> hueShift == 0 ? result : turnHue(result, hueShift);
            };
        }
        return result;
    }

    private static double factor(double strength, RandomGenerator random) {
        double draw = random.nextDouble();
        double least = Math.max(0, 1 - strength);
        return least + (1 + strength - least) * draw;
    }

    private static int[] shuffledSteps(RandomGenerator random) {
        var order = new int[STEPS];
        for (int i = 0; i < STEPS; i++) {
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    /** Away from black. */
    static RgbImage brighten(RgbImage image, double factor) {
        return blend(image, factor, (rgb, i) -> 0);
    }

    /** Away from the mean grey. */
    static RgbImage contrast(RgbImage image, double factor) {
        long sum = 0;
        for (int i = 0; i < image.rgb().length; i += 3) {
            sum += grey(image.rgb(), i);
        }
        int mean = (int) (sum / (double) (image.width() * image.height()) + 0.5);
        return blend(image, factor, (rgb, i) -> mean);
    }

    /** Away from the pixel's own grey. */
    static RgbImage saturate(RgbImage image, double factor) {
        return blend(image, factor, ColourJitter::grey);
    }

    private static RgbImage turnHue(RgbImage image, double shift) {
        RgbImage turned = RgbImage.blank(image.width(), image.height());
        byte[] in = image.rgb();
        var hsb = new float[3];
        for (int i = 0; i < in.length; i += 3) {
            Color.RGBtoHSB(in[i] & 0xff, in[i + 1] & 0xff, in[i + 2] & 0xff, hsb);
            int colour = Color.HSBtoRGB(hsb[0] + (float) shift, hsb[1], hsb[2]);
            turned.rgb()[i] = (byte) (colour >> 16);
            turned.rgb()[i + 1] = (byte) (colour >> 8);
            turned.rgb()[i + 2] = (byte) colour;
        }
        return turned;
    }

    /** PIL's conversion to grey. */
    static int grey(byte[] rgb, int i) {
        return ((rgb[i] & 0xff) * 19595 + (rgb[i + 1] & 0xff) * 38470 + (rgb[i + 2] & 0xff) * 7471 + 0x8000) >> 16;
    }

    /** The grey that a pixel is taken away from. */
    @FunctionalInterface
    private interface Anchor {
        int of(byte[] rgb, int pixel);
    }

    private static RgbImage blend(RgbImage image, double factor, Anchor anchor) {
        if (factor == 1) {
            return image;
        }
        RgbImage blended = RgbImage.blank(image.width(), image.height());
        byte[] in = image.rgb();
        float weight = (float) factor;
        for (int i = 0; i < in.length; i += 3) {
            int from = anchor.of(in, i);
            for (int c = i; c < i + 3; c++) {
                // Cut, not rounded, as PIL does.
                blended.rgb()[c] = (byte) Math.clamp((int) (from + weight * ((in[c] & 0xff) - from)), 0, 255);
            }
        }
        return blended;
    }
}
