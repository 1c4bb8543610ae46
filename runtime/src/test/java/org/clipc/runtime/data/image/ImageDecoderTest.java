package org.clipc.runtime.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageDecoderTest {
    private static final ImageDecoder DECODER = new ImageDecoder(DecodeOptions.DEFAULT);

    static List<String> names() {
        return GoldenImages.decodedNames();
    }

    @ParameterizedTest
    @MethodSource("names")
    void decodesAsPillowDoes(String name) throws ImageFormatException {
        RgbImage decoded = DECODER.decode(GoldenImages.bytes(name));
        double[] distance = GoldenImages.distance(decoded, GoldenImages.expected(name));
        boolean lossyWebp = List.of("webp_lossy.webp", "webp_lossy_q30.webp", "webp_alpha.webp")
                .contains(name);
        if (lossyWebp) {
            // Hard colour edges in a tiny picture: the worst case for colours that are not smoothed.
            assertThat(distance[1]).as("mean distance").isBetween(0.1, 7.5);
        } else {
            assertThat(distance[0]).as("greatest distance").isZero();
        }
    }

    @Test
    void brightnessOfLossyWebpIsRight() throws ImageFormatException {
        RgbImage decoded = DECODER.decode(GoldenImages.bytes("webp_lossy.webp"));
        RgbImage expected = GoldenImages.expected("webp_lossy.webp");
        double sum = 0;
        for (int y = 0; y < decoded.height(); y++) {
            for (int x = 0; x < decoded.width(); x++) {
                sum += Math.abs(brightness(decoded, x, y) - brightness(expected, x, y));
            }
        }
        assertThat(sum / (decoded.width() * decoded.height())).isLessThan(1.5);
    }

    @Test
    void orientationCanBeLeftAlone() throws ImageFormatException {
        var asStored = new ImageDecoder(new DecodeOptions(10_000, false, OptionalInt.empty()));
        RgbImage upright = DECODER.decode(GoldenImages.bytes("exif1.jpg"));
        assertThat(asStored.decode(GoldenImages.bytes("exif6.jpg")).rgb()).isEqualTo(upright.rgb());
    }

    @Test
    void transparencyCanBeBlendedWithAColour() throws ImageFormatException {
        var onWhite = new ImageDecoder(new DecodeOptions(10_000, true, OptionalInt.of(0xffffff)));
        RgbImage plain = DECODER.decode(GoldenImages.bytes("png_rgba.png"));
        RgbImage blended = onWhite.decode(GoldenImages.bytes("png_rgba.png"));
        for (int x : new int[] {0, 10, 44}) {
            int alpha = (x * 6 + 12 * 3) % 256;
            double expected = (plain.sample(x, 12, 1) * alpha + 255.0 * (255 - alpha)) / 255;
            assertThat((double) blended.sample(x, 12, 1)).isBetween(expected - 0.51, expected + 0.51);
        }
        assertThat(onWhite.decode(GoldenImages.bytes("png_palette_trns.png")).rgb())
                .isNotEqualTo(DECODER.decode(GoldenImages.bytes("png_palette_trns.png"))
                        .rgb());
    }

    @Test
    void ycckIsMixedLikeCmyk() throws ImageFormatException {
        // The same CMYK samples once plain, once with the first three as YCC: grey ink, whose YCC is (v, 128, 128).
        byte[] jpeg = GoldenImages.bytes("jpegcmyk.jpg");
        int adobe = new String(jpeg, StandardCharsets.ISO_8859_1).indexOf("Adobe");
        assertThat(jpeg[adobe + 11]).isZero();
        jpeg[adobe + 11] = 2;
        assertThat(JpegColours.of(jpeg)).isEqualTo(JpegColours.YCCK);
        assertThat(DECODER.decode(jpeg).rgb())
                .isNotEqualTo(GoldenImages.expected("jpegcmyk.jpg").rgb());
    }

    @Test
    void hugeDeclaredSizesAreRefusedBeforeDecoding() {
        assertThatThrownBy(() -> DECODER.decode(png(50_000, 50_000)))
                .isInstanceOf(ImageFormatException.class)
                .hasMessage("declares 50000x50000 pixels; at most 89478485 are decoded");
        assertThatThrownBy(() -> DECODER.decode(png(-1, -1))).hasMessageContaining("declares 4294967295x4294967295");
        assertThatThrownBy(() -> DECODER.decode(png(0, 5))).hasMessageContaining("declares no size");
        byte[] gif = GoldenImages.bytes("gif.gif");
        int frame = new String(gif, StandardCharsets.ISO_8859_1).indexOf(',', 13 + 96);
        Arrays.fill(gif, frame + 5, frame + 9, (byte) 0xff);
        assertThatThrownBy(() -> DECODER.decode(gif)).hasMessageContaining("declares 65535x65535");
        byte[] webp = GoldenImages.bytes("webp_lossy.webp");
        Arrays.fill(webp, 26, 30, (byte) 0x3f);
        assertThatThrownBy(() -> DECODER.decode(webp)).hasMessageContaining("declares 16191x16191");
        byte[] jpeg = GoldenImages.bytes("jpeg420.jpg");
        int sof = new String(jpeg, StandardCharsets.ISO_8859_1).indexOf("\u00ff\u00c0");
        Arrays.fill(jpeg, sof + 5, sof + 9, (byte) 0xff);
        assertThatThrownBy(() -> DECODER.decode(jpeg)).hasMessageContaining("declares 65535x65535");
    }

    @Test
    void compressedTextThatUnpacksToGigabytesIsNotRead() throws Exception {
        var bomb = new ByteArrayOutputStream();
        bomb.write("k\0\0".getBytes(StandardCharsets.ISO_8859_1));
        try (var deflate = new DeflaterOutputStream(bomb)) {
            for (int i = 0; i < 200; i++) {
                deflate.write(new byte[1 << 20]);
            }
        }
        byte[] plain = GoldenImages.bytes("png_rgb.png");
        var out = new ByteArrayOutputStream();
        out.write(plain, 0, 33);
        writeChunk(out, "zTXt", bomb.toByteArray());
        writeChunk(out, "iCCP", bomb.toByteArray());
        out.write(plain, 33, plain.length - 33);
        assertThat(DECODER.decode(out.toByteArray()).rgb())
                .isEqualTo(GoldenImages.expected("png_rgb.png").rgb());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "BM pretends to be a bitmap", "<svg/>", "GIF89a"})
    void otherFilesAreRefused(String content) {
        assertThatThrownBy(() -> DECODER.decode(content.getBytes(StandardCharsets.ISO_8859_1)))
                .isInstanceOf(ImageFormatException.class);
    }

    @ParameterizedTest
    @MethodSource("names")
    void aFileCutInHalfIsRefused(String name) {
        byte[] whole = GoldenImages.bytes(name);
        int length = name.endsWith("anim.webp") || name.endsWith("anim.gif") ? whole.length / 4 : whole.length / 2;
        assertThatThrownBy(() -> DECODER.decode(Arrays.copyOf(whole, length))).isInstanceOf(ImageFormatException.class);
    }

    /** Whatever the bytes, the outcome is a picture or the one exception; errors such as running out of memory are none. */
    @ParameterizedTest
    @MethodSource("names")
    void randomDamageNeverBreaksTheDecoder(String name) {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var small = new ImageDecoder(new DecodeOptions(1_000_000, true, OptionalInt.empty()));
        byte[] whole = GoldenImages.bytes(name);
        for (int trial = 0; trial < 25; trial++) {
            byte[] damaged = whole.clone();
            for (int flips = 1 + random.nextInt(6); flips > 0; flips--) {
                int reach = random.nextBoolean() ? Math.min(200, damaged.length) : damaged.length;
                damaged[random.nextInt(reach)] = (byte) random.nextInt(256);
            }
            if (random.nextInt(4) == 0) {
                damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length));
            }
            try {
                small.decode(damaged);
            } catch (ImageFormatException e) {
                assertThat(e.getMessage()).as("seed %d trial %d", seed, trial).doesNotContain("\n");
            }
        }
    }

    private static double brightness(RgbImage image, int x, int y) {
        return 0.299 * image.sample(x, y, 0) + 0.587 * image.sample(x, y, 1) + 0.114 * image.sample(x, y, 2);
    }

    private static byte[] png(int width, int height) {
        var out = new ByteArrayOutputStream();
        out.writeBytes("\u0089PNG\r\n\u001a\n".getBytes(StandardCharsets.ISO_8859_1));
        byte[] header = ByteBuffer.allocate(13)
                .putInt(width)
                .putInt(height)
                .put(new byte[] {8, 2, 0, 0, 0})
                .array();
        writeChunk(out, "IHDR", header);
        return out.toByteArray();
    }

    private static void writeChunk(ByteArrayOutputStream out, String type, byte[] body) {
        byte[] name = type.getBytes(StandardCharsets.ISO_8859_1);
        var crc = new CRC32();
        crc.update(name);
        crc.update(body);
        out.writeBytes(ByteBuffer.allocate(4).putInt(body.length).array());
        out.writeBytes(name);
        out.writeBytes(body);
        out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
    }
}
