package org.clipc.runtime.data.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResamplerTest {
    /** open_clip's evaluation transforms, normalised; a byte is 1/255/std apart. */
    @ParameterizedTest
    @CsvSource({
        "shortest.bicubic",
        "shortest.bilinear",
        "longest.bicubic",
        "longest.bilinear",
        "squash.bicubic",
        "squash.bilinear"
    })
    void evaluationTransformsEqualOpenClips(String name) throws IOException {
        String[] parts = name.toUpperCase(java.util.Locale.ROOT).split("\\.", -1);
        var transform = ResizeMode.valueOf(parts[0]).toSquare(64, Interpolation.valueOf(parts[1]), 0);
        var out = new float[3 * 64 * 64];
        Normalization.OPENAI.apply(transform.apply(source(), new Random(0)), out, 0);
        try (var golden = SafetensorsFile.open(GoldenImages.file("preprocess64.safetensors"))) {
            assertThat(out).containsExactly(golden.tensor(name).toFloats());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "224,224,bicubic",
        "17,90,bicubic",
        "500,13,bilinear",
        "203,40,bicubic",
        "64,150,bilinear",
        "1,1,bicubic",
        "300,301,bilinear"
    })
    void resizingEqualsPillows(int width, int height, String filter) throws IOException {
        RgbImage expected = GoldenImages.expected("resize.%dx%d.%s".formatted(width, height, filter));
        var interpolation = Interpolation.valueOf(filter.toUpperCase(java.util.Locale.ROOT));
        RgbImage resized = Resampler.resize(source(), width, height, interpolation);
        assertThat(resized.crop(0, 0, width, expected.height()).rgb()).isEqualTo(expected.rgb());
    }

    @Property(tries = 200)
    void aWindowShowsThatPartOfTheWhole(@ForAll Random random) {
        RgbImage image = noise(random, 1 + random.nextInt(40), 1 + random.nextInt(40));
        int width = 1 + random.nextInt(60);
        int height = 1 + random.nextInt(60);
        int left = random.nextInt(width);
        int top = random.nextInt(height);
        int windowWidth = 1 + random.nextInt(width - left);
        int windowHeight = 1 + random.nextInt(height - top);
        var filter = random.nextBoolean() ? Interpolation.BICUBIC : Interpolation.BILINEAR;
        RgbImage whole = Resampler.resize(image, width, height, filter);
        RgbImage window = Resampler.resizeWindow(
                image, width, height, new Resampler.Window(left, top, windowWidth, windowHeight), filter);
        assertThat(window.rgb())
                .isEqualTo(whole.crop(left, top, windowWidth, windowHeight).rgb());
    }

    @Property(tries = 50)
    void oneColourStaysThatColour(@ForAll Random random) {
        int colour = random.nextInt(1 << 24);
        RgbImage image = RgbImage.filled(1 + random.nextInt(50), 1 + random.nextInt(50), colour);
        for (var filter : List.of(Interpolation.BICUBIC, Interpolation.BILINEAR)) {
            for (ResizeMode mode : ResizeMode.values()) {
                RgbImage square = mode.toSquare(24, filter, colour).apply(image, random);
                assertThat(square.rgb())
                        .isEqualTo(RgbImage.filled(24, 24, colour).rgb());
            }
        }
    }

    /** Resized whole, this thread would be 224 x 13 million pixels. */
    @Test
    void aPictureAsThinAsAThreadDoesNoHarm() {
        RgbImage thread = RgbImage.filled(1, 60_000, 0x123456);
        for (ResizeMode mode : ResizeMode.values()) {
            assertThat(mode.toSquare(224, Interpolation.BICUBIC, 0x123456)
                            .apply(thread, new Random(1))
                            .rgb())
                    .isEqualTo(RgbImage.filled(224, 224, 0x123456).rgb());
        }
    }

    private static RgbImage source() throws IOException {
        return new ImageDecoder(DecodeOptions.DEFAULT).decode(Files.readAllBytes(GoldenImages.file("pre_in.png")));
    }

    static RgbImage noise(Random random, int width, int height) {
        var rgb = new byte[3 * width * height];
        random.nextBytes(rgb);
        return new RgbImage(width, height, rgb);
    }
}
