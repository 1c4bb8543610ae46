package org.clipc.runtime.data.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Whether the end of a picture file is missing, for the cases in which its reader would not notice. */
final class Completeness {
    private static final int RIFF_HEAD = 8;

    private Completeness() {}

    static boolean isCutShort(ImageFormat format, byte[] file) {
        return switch (format) {
            case WEBP -> declaredRiffSize(file) > file.length - RIFF_HEAD;
            case JPEG -> isProgressive(file) && !hasEndOfImage(file);
            // Their readers complain.
            case PNG, GIF -> false;
        };
    }

    private static long declaredRiffSize(byte[] file) {
        return Integer.toUnsignedLong(
                ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getInt(4));
    }

    private static boolean isProgressive(byte[] file) {
        return Chunk.of(ImageFormat.JPEG, file).stream().anyMatch(c -> c.type().equals("ffc2"));
    }

    /** Looks after the start of the first scan only: a thumbnail in the header has an end of its own. */
    private static boolean hasEndOfImage(byte[] file) {
        int scan = Chunk.of(ImageFormat.JPEG, file).stream()
                .filter(c -> c.type().equals("ffda"))
                .mapToInt(c -> c.body().arrayOffset())
                .findFirst()
                .orElse(file.length);
        for (int i = file.length - 2; i >= scan; i--) {
            if (file[i] == (byte) 0xff && file[i + 1] == (byte) 0xd9) {
                return true;
            }
        }
        return false;
    }
}
