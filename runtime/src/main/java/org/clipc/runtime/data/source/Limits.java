package org.clipc.runtime.data.source;

import java.io.IOException;

/**
 * Sizes beyond which a file of a sample is refused before it is read.
 *
 * @param imageBytes for a picture file
 * @param textBytes for a caption file
 */
public record Limits(long imageBytes, long textBytes) {
    public static final Limits DEFAULT = new Limits(64L << 20, 1L << 20);

    void checkImage(long bytes) throws IOException {
        check("picture", bytes, imageBytes);
    }

    void checkText(long bytes) throws IOException {
        check("caption", bytes, textBytes);
    }

    private static void check(String what, long bytes, long most) throws IOException {
        if (bytes > most) {
            throw new IOException("its " + what + " file has " + bytes + " bytes; at most " + most + " are read");
        }
    }
}
