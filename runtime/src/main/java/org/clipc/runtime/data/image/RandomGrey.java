package org.clipc.runtime.data.image;

import java.util.random.RandomGenerator;

/** Takes the colour away with this probability. */
public record RandomGrey(double probability) implements ImageTransform {
    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        return random.nextDouble() < probability ? ColourJitter.saturate(image, 0) : image;
    }
}
