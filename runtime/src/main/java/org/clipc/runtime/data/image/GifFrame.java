package org.clipc.runtime.data.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Where the first frame of a GIF lies on its screen. */
record GifFrame(int screenWidth, int screenHeight, int left, int top, int width, int height) {
    private static final int HEADER_BYTES = 13;
    private static final int TABLE_FLAG = 0x80;

    static GifFrame of(byte[] bytes) throws ImageFormatException {
        try {
            var in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            int flags = in.get(10);
            int at = HEADER_BYTES + ((flags & TABLE_FLAG) == 0 ? 0 : 3 << ((flags & 7) + 1));
            while (in.get(at) == 0x21) {
                at = afterExtension(in, at);
            }
            if (in.get(at) != 0x2c) {
                throw new ImageFormatException("the GIF file has no picture");
            }
            return new GifFrame(
                    unsigned(in, 6),
                    unsigned(in, 8),
                    unsigned(in, at + 1),
                    unsigned(in, at + 3),
                    unsigned(in, at + 5),
                    unsigned(in, at + 7));
        } catch (IndexOutOfBoundsException e) {
            throw new ImageFormatException("the GIF picture is cut short", e);
        }
    }

    private static int afterExtension(ByteBuffer in, int start) {
        int at = start + 2;
        while (in.get(at) != 0) {
            at += 1 + Byte.toUnsignedInt(in.get(at));
        }
        return at + 1;
    }

    private static int unsigned(ByteBuffer in, int at) {
        return Short.toUnsignedInt(in.getShort(at));
    }

    /** Of the screen, made larger where the frame sticks out of it. */
    Dimensions canvas() {
        return new Dimensions(Math.max(screenWidth, left + width), Math.max(screenHeight, top + height));
    }
}
