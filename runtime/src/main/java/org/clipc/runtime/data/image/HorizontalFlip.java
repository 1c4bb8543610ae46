package org.clipc.runtime.data.image;

import java.util.random.RandomGenerator;

/** Exchanges left and right with this probability. Captions that speak of sides then tell a lie. */
public record HorizontalFlip(double probability) implements ImageTransform {
    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        return random.nextDouble() < probability ? image.mirrored() : image;
    }
}
