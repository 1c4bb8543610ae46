package org.clipc.runtime.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class AugmentationTest {
    @Property(tries = 300)
    void aRandomCropStaysWithinItsBounds(@ForAll Random random) {
        // Every pixel holds its own position, so the crop's corners can be read off the unresized part.
        int width = 20 + random.nextInt(100);
        int height = 20 + random.nextInt(100);
        RgbImage image = positions(width, height);
        var crop = new RandomResizedCrop(32, 0.5, 1, 3 / 4.0, 4 / 3.0, Interpolation.BILINEAR);
        RgbImage result = crop.apply(image, random);
        assertThat(result.width()).isEqualTo(32);
        double partWidth = (result.sample(31, 16, 0) - result.sample(0, 16, 0)) * 32 / 31.0;
        double partHeight = (result.sample(16, 31, 1) - result.sample(16, 0, 1)) * 32 / 31.0;
        double slack = 4;
        assertThat(partWidth / partHeight)
                .isBetween(
                        Math.min((double) width / height, 0.75) * (1 - slack / partWidth) - 0.1,
                        Math.max((double) width / height, 4 / 3.0) * (1 + slack / partHeight) + 0.1);
        assertThat(partWidth).isLessThanOrEqualTo(width + slack);
        assertThat((partWidth + slack) * (partHeight + slack))
                .isGreaterThan(0.4 * Math.min(width, height) * Math.min(width, height));
    }

    @Test
    void aCropOfEverythingIsAPlainResize() {
        RgbImage image = ResamplerTest.noise(new Random(5), 40, 40);
        var whole = new RandomResizedCrop(16, 1, 1, 1, 1, Interpolation.BICUBIC);
        assertThat(whole.apply(image, new Random(1)).rgb())
                .isEqualTo(
                        Resampler.resize(image, 16, 16, Interpolation.BICUBIC).rgb());
    }

    @Test
    void extremeProportionsFallBackToTheCentre() {
        RgbImage wide = positions(200, 10);
        var crop = RandomResizedCrop.withDefaults(8);
        RgbImage result = crop.apply(wide, new Random(2));
        assertThat(result.sample(0, 4, 0)).isBetween(90, 97);
        assertThat(result.sample(7, 4, 0)).isBetween(103, 110);
        RgbImage thin = positions(1, 200);
        assertThat(crop.apply(thin, new Random(2)).width()).isEqualTo(8);
    }

    @Test
    void theSameSeedGivesTheSamePicture() {
        RgbImage image = ResamplerTest.noise(new Random(5), 50, 30);
        var chain = ImageTransform.chain(List.of(
                new RandomAffine(20, 0.1, 0.8, 1.2, 10, 0xffffff),
                new ColourJitter(0.4, 0.4, 0.4, 0.1, 1),
                new HorizontalFlip(0.5),
                new RandomGrey(0.5),
                RandomResizedCrop.withDefaults(24)));
        byte[] first = chain.apply(image, new Random(9)).rgb();
        assertThat(chain.apply(image, new Random(9)).rgb()).isEqualTo(first);
        assertThat(chain.apply(image, new Random(10)).rgb()).isNotEqualTo(first);
    }

    @Test
    void stepsWithoutStrengthChangeNothing() {
        RgbImage image = ResamplerTest.noise(new Random(5), 21, 14);
        for (ImageTransform step : List.of(
                new RandomAffine(0, 0, 1, 1, 0, 0),
                new ColourJitter(0, 0, 0, 0, 1),
                new ColourJitter(1, 1, 1, 0.5, 0),
                new HorizontalFlip(0),
                new RandomGrey(0))) {
            assertThat(step.apply(image, new Random(3)).rgb())
                    .as(step.toString())
                    .isEqualTo(image.rgb());
        }
    }

    @Test
    void anAffineMapTurnsAndShifts() {
        RgbImage image = RgbImage.filled(21, 21, 0xffffff);
        image.rgb()[3 * (10 * 21 + 15)] = 0;
        // A generator whose every draw is 1 turns by the full amount: a quarter turn takes (15, 10) to (10, 15).
        RgbImage turned = new RandomAffine(90, 0, 1, 1, 0, 0xffffff).apply(image, () -> -1L);
        assertThat(turned.sample(10, 15, 0)).isLessThan(2);
        assertThat(turned.sample(15, 10, 0)).isGreaterThan(250);
        RgbImage shifted = new RandomAffine(0, 2 / 21.0, 1, 1, 0, 0xffffff).apply(image, () -> -1L);
        assertThat(shifted.sample(17, 12, 0)).isLessThan(2);
        assertThat(shifted.sample(0, 0, 0)).isEqualTo(255);
    }

    @Test
    void coloursMoveAsPillowsEnhancersDo() {
        RgbImage image = new RgbImage(2, 1, new byte[] {100, 50, (byte) 200, 10, 20, 30});
        assertThat(ColourJitter.brighten(image, 1.5).rgb()).containsExactly(150, 75, 255, 15, 30, 45);
        // Grey of the pixels: 82 and 18, mean 50.
        assertThat(ColourJitter.contrast(image, 0.5).rgb()).containsExactly(75, 50, 125, 30, 35, 40);
        assertThat(ColourJitter.saturate(image, 0).rgb()).containsExactly(82, 82, 82, 18, 18, 18);
    }

    @Test
    void flippingTwiceIsNothing() {
        RgbImage image = ResamplerTest.noise(new Random(5), 7, 4);
        var flip = new HorizontalFlip(1);
        RgbImage once = flip.apply(image, new Random(1));
        assertThat(once.sample(0, 2, 1)).isEqualTo(image.sample(6, 2, 1));
        assertThat(flip.apply(once, new Random(1)).rgb()).isEqualTo(image.rgb());
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> new RandomResizedCrop(8, 0, 1, 1, 1, Interpolation.BICUBIC))
                .hasMessageContaining("area");
        assertThatThrownBy(() -> new RandomResizedCrop(8, 0.5, 1, 2, 1, Interpolation.BICUBIC))
                .hasMessageContaining("ratio");
        assertThatThrownBy(() -> new ColourJitter(0, 0, 0, 0.6, 1)).hasMessageContaining("hue");
        assertThatThrownBy(() -> new RandomAffine(0, 0, 0, 1, 0, 0)).hasMessageContaining("scale");
    }

    private static RgbImage positions(int width, int height) {
        RgbImage image = RgbImage.blank(width, height);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.rgb()[3 * (y * width + x)] = (byte) x;
                image.rgb()[3 * (y * width + x) + 1] = (byte) y;
            }
        }
        return image;
    }
}
