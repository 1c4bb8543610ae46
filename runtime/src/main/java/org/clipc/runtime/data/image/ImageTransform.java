package org.clipc.runtime.data.image;

import java.util.List;
import java.util.random.RandomGenerator;

/**
 * A step from a decoded picture to one of the model's size. All its chance comes from {@code random}, so the same
 * generator gives the same picture.
 */
@FunctionalInterface
public interface ImageTransform {
    RgbImage apply(RgbImage image, RandomGenerator random);

    /** These steps one after the other. */
    static ImageTransform chain(List<ImageTransform> steps) {
        List<ImageTransform> copy = List.copyOf(steps);
        return (image, random) -> {
            RgbImage result = image;
            for (ImageTransform step : copy) {
                result = step.apply(result, random);
            }
            return result;
        };
    }
}
