package org.clipc.runtime.data.image;

import java.util.random.RandomGenerator;

/**
 * Training's crop: a random part of random proportions, brought to a square (Szegedy et al., 2015; the sampling is
 * torchvision's {@code RandomResizedCrop}).
 *
 * @param minArea smallest part of the picture's area, over 0; open_clip and NeMo take 0.9
 * @param maxArea largest part of it, at most 1
 * @param minRatio least width / height of the part; the choice is uniform in the logarithm
 * @param maxRatio greatest width / height
 */
public record RandomResizedCrop(
        int size, double minArea, double maxArea, double minRatio, double maxRatio, Interpolation filter)
        implements ImageTransform {
    private static final int ATTEMPTS = 10;

    public RandomResizedCrop {
        if (size < 1 || !(minArea > 0 && minArea <= maxArea && maxArea <= 1)) {
            throw new IllegalArgumentException("a random crop needs a size and 0 < smallest <= largest area <= 1, not "
                    + size + " and " + minArea + " to " + maxArea);
        }
        if (!(minRatio > 0 && minRatio <= maxRatio)) {
            throw new IllegalArgumentException(
                    "a random crop needs 0 < least <= greatest ratio, not " + minRatio + " to " + maxRatio);
        }
    }

    /** With open_clip's defaults: 0.9 to 1 of the area, proportions from 3:4 to 4:3, bicubic. */
    public static RandomResizedCrop withDefaults(int size) {
        return new RandomResizedCrop(size, 0.9, 1, 3 / 4.0, 4 / 3.0, Interpolation.BICUBIC);
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        return Resampler.resize(part(image, random), size, size, filter);
    }

    private RgbImage part(RgbImage image, RandomGenerator random) {
        double area = (double) image.width() * image.height();
        double logMin = Math.log(minRatio);
        double logMax = Math.log(maxRatio);
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            double target = area * (minArea + (maxArea - minArea) * random.nextDouble());
            double ratio = Math.exp(logMin + (logMax - logMin) * random.nextDouble());
            int width = (int) Math.rint(Math.sqrt(target * ratio));
            int height = (int) Math.rint(Math.sqrt(target / ratio));
            if (width > 0 && width <= image.width() && height > 0 && height <= image.height()) {
                int top = random.nextInt(image.height() - height + 1);
                int left = random.nextInt(image.width() - width + 1);
                return image.crop(left, top, width, height);
            }
        }
        return largestCentrePart(image);
    }

    /** The most of a picture too long or too wide that the allowed proportions can take. */
    private RgbImage largestCentrePart(RgbImage image) {
        double ratio = (double) image.width() / image.height();
        int width = image.width();
        int height = image.height();
        if (ratio < minRatio) {
            height = Math.clamp(Math.round(width / minRatio), 1, height);
        } else if (ratio > maxRatio) {
            width = Math.clamp(Math.round(height * maxRatio), 1, width);
        }
        return image.crop((image.width() - width) / 2, (image.height() - height) / 2, width, height);
    }
}
