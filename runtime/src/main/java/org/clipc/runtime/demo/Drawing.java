package org.clipc.runtime.demo;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;
import org.clipc.runtime.io.DataFormatException;

/** A concept as one artist draws it, on white. */
public record Drawing(String artist, Concept concept, BufferedImage image) {

    /** Unique among all drawings: {@code twemoji.1f600}. */
    public String key() {
        return artist + "." + concept.codePoints();
    }

    public byte[] png() {
        var bytes = new ByteArrayOutputStream();
        try {
            ImageIO.write(image, "png", bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    static BufferedImage decode(byte[] png, String source) throws IOException {
        var image = ImageIO.read(new ByteArrayInputStream(png));
        if (image == null) {
            throw new DataFormatException(source, "is not a PNG picture");
        }
        return image;
    }
}
