package org.clipc.runtime.data.image;

import java.awt.image.Raster;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * From a JPEG's coded components to RGB, with libjpeg's rules for which colours they are and its fixed-point arithmetic,
 * and PIL's for CMYK. ImageIO's own conversion would bring in colour profiles, which PIL ignores.
 */
enum JpegColours {
    GREY,
    RGB,
    YCC,
    CMYK,
    YCCK;

    private static final int SCALE_BITS = 16;
    private static final int HALF = 1 << (SCALE_BITS - 1);
    private static final int RED_OF_CR = fixed(1.40200);
    private static final int GREEN_OF_CR = fixed(0.71414);
    private static final int GREEN_OF_CB = fixed(0.34414);
    private static final int BLUE_OF_CB = fixed(1.77200);

    /** Whether a marker starts a frame, which holds the size and the components. */
    static boolean isFrame(String marker) {
        return marker.matches("ffc[0-35-79abd-f]");
    }

    /** libjpeg's guess ({@code default_decompress_parms}). */
    static JpegColours of(byte[] jpeg) throws ImageFormatException {
        List<Chunk> chunks = Chunk.of(ImageFormat.JPEG, jpeg);
        ByteBuffer frame = chunks.stream()
                .filter(c -> isFrame(c.type()) && c.body().remaining() >= 6)
                .map(Chunk::body)
                .findFirst()
                .orElseThrow(() -> new ImageFormatException("the JPEG file has no frame"));
        boolean jfif = chunks.stream().anyMatch(c -> c.type().equals("ffe0") && startsWith(c.body(), "JFIF\0"));
        int adobe = adobeTransform(chunks);
        int components = frame.get(5);
        return switch (components) {
            case 1 -> GREY;
            case 3 -> {
                boolean rgb = !jfif && (adobe == 0 || (adobe < 0 && hasIds(frame, "RGB")));
                yield rgb ? RGB : YCC;
            }
            case 4 -> adobe > 0 ? YCCK : CMYK;
            default -> throw new ImageFormatException("a JPEG file of " + components + " components");
        };
    }

    private static int adobeTransform(List<Chunk> chunks) {
        for (Chunk chunk : chunks) {
            if (chunk.type().equals("ffee") && chunk.body().remaining() >= 12 && startsWith(chunk.body(), "Adobe")) {
                return Byte.toUnsignedInt(chunk.body().get(11));
            }
        }
        return -1;
    }

    private static boolean startsWith(ByteBuffer body, String text) {
        byte[] expected = text.getBytes(StandardCharsets.ISO_8859_1);
        return body.remaining() >= expected.length
                && body.slice(0, expected.length).equals(ByteBuffer.wrap(expected));
    }

    private static boolean hasIds(ByteBuffer frame, String ids) {
        for (int i = 0; i < ids.length(); i++) {
            int at = 6 + 3 * i;
            if (at >= frame.limit() || frame.get(at) != ids.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    RgbImage toRgb(Raster raster) throws ImageFormatException {
        int bands = raster.getNumBands();
        int expected = switch (this) {
            case GREY -> 1;
            case RGB, YCC -> 3;
            case CMYK, YCCK -> 4;
        };
        if (bands != expected) {
            throw new ImageFormatException("a JPEG file of " + expected + " components decoded to " + bands);
        }
        RgbImage image = RgbImage.blank(raster.getWidth(), raster.getHeight());
        var row = new int[bands * raster.getWidth()];
        int to = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, raster.getWidth(), 1, row);
            convert(row, image.rgb(), to);
            to += 3 * raster.getWidth();
        }
        return image;
    }

    /** One row of components to as many RGB pixels from {@code to} on. */
    private void convert(int[] in, byte[] out, int to) {
        int pixel = to;
        switch (this) {
            case GREY -> {
                for (int grey : in) {
                    pixel = put(out, pixel, grey, grey, grey);
                }
            }
            case RGB -> {
                for (int at = 0; at < in.length; at += 3) {
                    pixel = put(out, pixel, in[at], in[at + 1], in[at + 2]);
                }
            }
            case YCC -> {
                for (int at = 0; at < in.length; at += 3) {
                    int cb = in[at + 1] - 128;
                    int cr = in[at + 2] - 128;
                    pixel = put(out, pixel, red(in[at], cr), green(in[at], cb, cr), blue(in[at], cb));
                }
            }
            // CMYK in JPEG is stored inverted (Adobe's convention, on which PIL always counts): 255 is no ink.
            case CMYK -> {
                for (int at = 0; at < in.length; at += 4) {
                    int key = in[at + 3];
                    pixel = put(out, pixel, mix(in[at], key), mix(in[at + 1], key), mix(in[at + 2], key));
                }
            }
            case YCCK -> {
                for (int at = 0; at < in.length; at += 4) {
                    int cb = in[at + 1] - 128;
                    int cr = in[at + 2] - 128;
                    int key = in[at + 3];
                    int red = mix(255 - red(in[at], cr), key);
                    int green = mix(255 - green(in[at], cb, cr), key);
                    pixel = put(out, pixel, red, green, mix(255 - blue(in[at], cb), key));
                }
            }
        }
    }

    private static int put(byte[] out, int to, int red, int green, int blue) {
        out[to] = (byte) red;
        out[to + 1] = (byte) green;
        out[to + 2] = (byte) blue;
        return to + 3;
    }

    private static int red(int y, int cr) {
        return clamp(y + ((RED_OF_CR * cr + HALF) >> SCALE_BITS));
    }

    private static int green(int y, int cb, int cr) {
        return clamp(y + ((-GREEN_OF_CB * cb + HALF - GREEN_OF_CR * cr) >> SCALE_BITS));
    }

    private static int blue(int y, int cb) {
        return clamp(y + ((BLUE_OF_CB * cb + HALF) >> SCALE_BITS));
    }

    /** PIL's {@code cmyk2rgb} for inverted samples: what is left of the paper's white under ink and black. */
    private static int mix(int unprinted, int unblackened) {
        int ink = 255 - unprinted;
        int product = ink * unblackened + 128;
        return clamp(unblackened - (((product >> 8) + product) >> 8));
    }

    private static int clamp(int sample) {
        return sample < 0 ? 0 : Math.min(sample, 255);
    }

    private static int fixed(double factor) {
        return (int) (factor * (1 << SCALE_BITS) + 0.5);
    }
}
