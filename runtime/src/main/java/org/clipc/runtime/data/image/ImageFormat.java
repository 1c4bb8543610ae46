package org.clipc.runtime.data.image;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/** Picture formats, told apart by their first bytes; a file's name does not matter. */
enum ImageFormat {
    JPEG,
    PNG,
    GIF,
    WEBP;

    static Optional<ImageFormat> of(byte[] bytes) {
        if (startsWith(bytes, 0, "\u00ff\u00d8\u00ff")) {
            return Optional.of(JPEG);
        }
        if (startsWith(bytes, 0, "\u0089PNG\r\n\u001a\n")) {
            return Optional.of(PNG);
        }
        if (startsWith(bytes, 0, "GIF87a") || startsWith(bytes, 0, "GIF89a")) {
            return Optional.of(GIF);
        }
        if (startsWith(bytes, 0, "RIFF") && startsWith(bytes, 8, "WEBP")) {
            return Optional.of(WEBP);
        }
        return Optional.empty();
    }

    /** The name by which ImageIO knows it. */
    String imageIoName() {
        return name().toLowerCase(Locale.ROOT);
    }

    private static boolean startsWith(byte[] bytes, int from, String magic) {
        byte[] expected = magic.getBytes(StandardCharsets.ISO_8859_1);
        if (bytes.length < from + expected.length) {
            return false;
        }
        for (int i = 0; i < expected.length; i++) {
            if (bytes[from + i] != expected[i]) {
                return false;
            }
        }
        return true;
    }
}
