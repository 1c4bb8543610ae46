package org.clipc.runtime.data.image;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/**
 * Decodes JPEG, PNG, WebP and GIF (its first frame) to 8-bit RGB with the values that PIL's {@code convert("RGB")} gives:
 * grey is copied to all three channels, palettes are looked up, CMYK is mixed, colour profiles are ignored, of 16-bit
 * samples the upper half is taken. Two exceptions: 16-bit grey, which PIL turns nearly all white, and lossy WebP, whose
 * colours (not its brightness) are not smoothed between pixels. Threads may share one.
 */
public final class ImageDecoder {
    private static final int PROFILE_FLAG = 0x20;

    private final DecodeOptions options;
    private final RasterToRgb toRgb;

    public ImageDecoder(DecodeOptions options) {
        this.options = options;
        this.toRgb = new RasterToRgb(options.background());
    }

    /**
     * Decodes one file, treated as untrusted.
     *
     * @throws ImageFormatException whatever is wrong with it
     */
    public RgbImage decode(byte[] file) throws ImageFormatException {
        ImageFormat format = ImageFormat.of(file)
                .orElseThrow(() -> new ImageFormatException("is no JPEG, PNG, WebP or GIF picture"));
        Dimensions size = Dimensions.of(format, file);
        if (size.width() > options.maxPixels() / size.height()) {
            throw new ImageFormatException("declares " + size.width() + "x" + size.height() + " pixels; at most "
                    + options.maxPixels() + " are decoded");
        }
        if (Completeness.isCutShort(format, file)) {
            throw new ImageFormatException("the " + format + " picture is cut short");
        }
        RgbImage image = readGuarded(format, format == ImageFormat.WEBP ? withoutProfile(file) : file);
        return options.applyOrientation() ? Orientation.of(format, file).toUpright(image) : image;
    }

    private RgbImage readGuarded(ImageFormat format, byte[] file) throws ImageFormatException {
        try (var in = new BytesInput(file)) {
            return read(format, file, in);
        } catch (ImageFormatException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // ImageIO's readers meet damaged input with index, argument and state errors of every kind.
            throw new ImageFormatException("damaged " + format + " picture: " + messageOf(e), e);
        }
    }

    private RgbImage read(ImageFormat format, byte[] file, ImageInputStream in) throws IOException {
        var cutShort = new AtomicBoolean();
        ImageReader reader = Readers.create(format);
        try {
            // Metadata may itself be a bomb (compressed text, colour profiles), and nothing here wants it.
            reader.setInput(in, true, true);
            reader.addIIOReadWarningListener((source, text) -> {
                if (text.toLowerCase(Locale.ROOT).contains("premature end")) {
                    cutShort.set(true);
                }
            });
            RgbImage image = switch (format) {
                case JPEG -> JpegColours.of(file).toRgb(reader.readRaster(0, null));
                case PNG, WEBP -> toRgb.convert(reader.read(0));
                case GIF -> firstFrame(GifFrame.of(file), reader.read(0));
            };
            if (cutShort.get()) {
                throw new ImageFormatException("the " + format + " picture is cut short");
            }
            return image;
        } finally {
            reader.dispose();
        }
    }

    /** A frame smaller than its screen shows colour 0 around it, or the transparent one, as in PIL. */
    private RgbImage firstFrame(GifFrame place, BufferedImage frame) throws ImageFormatException {
        RgbImage image = toRgb.convert(frame);
        Dimensions canvas = place.canvas();
        int around = 0;
        if (frame.getColorModel() instanceof IndexColorModel palette) {
            around = toRgb.colourOf(palette, Math.max(0, palette.getTransparentPixel()));
        }
        return image.onCanvas((int) canvas.width(), (int) canvas.height(), place.left(), place.top(), around);
    }

    /** The WebP reader would convert colours by an embedded profile: its chunk gets a name that means nothing. */
    private static byte[] withoutProfile(byte[] file) {
        List<Chunk> chunks = Chunk.of(ImageFormat.WEBP, file);
        if (chunks.stream().noneMatch(c -> c.type().equals("ICCP"))) {
            return file;
        }
        byte[] plain = file.clone();
        for (Chunk chunk : chunks) {
            int body = chunk.body().arrayOffset();
            if (chunk.type().equals("ICCP")) {
                Arrays.fill(plain, body - 8, body - 4, (byte) 'x');
            } else if (chunk.type().equals("VP8X") && chunk.body().hasRemaining()) {
                plain[body] &= ~PROFILE_FLAG;
            }
        }
        return plain;
    }

    private static String messageOf(Exception e) {
        String message = e.getMessage();
        return message == null
                ? e.getClass().getSimpleName()
                : message.lines().findFirst().orElse("unreadable");
    }
}
