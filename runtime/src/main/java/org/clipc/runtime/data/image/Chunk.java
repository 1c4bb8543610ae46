package org.clipc.runtime.data.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A chunk of a picture file, for the few facts that are wanted before or besides decoding. Reading stops quietly at
 * the first thing that makes no sense; the decoder will complain about it.
 *
 * @param type JPEG marker such as {@code ffe1}, or the four letters of a PNG or WebP chunk
 * @param body its content, at most up to the end of the file
 */
record Chunk(String type, ByteBuffer body) {
    private static final int MOST = 10_000;

    static List<Chunk> of(ImageFormat format, byte[] bytes) {
        return switch (format) {
            case JPEG -> ofJpeg(bytes);
            case PNG -> ofTagged(bytes, 8, ByteOrder.BIG_ENDIAN, true);
            case WEBP -> ofTagged(bytes, 12, ByteOrder.LITTLE_ENDIAN, false);
            case GIF -> List.of();
        };
    }

    /** Segments up to the first scan. */
    private static List<Chunk> ofJpeg(byte[] bytes) {
        var chunks = new ArrayList<Chunk>();
        var in = ByteBuffer.wrap(bytes);
        int at = 2;
        while (at + 4 <= bytes.length && chunks.size() < MOST) {
            int marker = Short.toUnsignedInt(in.getShort(at));
            if (marker == 0xffff) {
                at++; // fill bytes may stand before a marker
                continue;
            }
            int length = Short.toUnsignedInt(in.getShort(at + 2));
            if (marker < 0xff01 || length < 2) {
                break;
            }
            chunks.add(new Chunk(Integer.toHexString(marker), slice(in, at + 4, length - 2)));
            if (marker == 0xffda) {
                break;
            }
            at += 2 + length;
        }
        return chunks;
    }

    private static List<Chunk> ofTagged(byte[] bytes, int start, ByteOrder order, boolean lengthFirst) {
        var chunks = new ArrayList<Chunk>();
        var in = ByteBuffer.wrap(bytes).order(order);
        long at = start;
        while (at + 8 <= bytes.length && chunks.size() < MOST) {
            int head = (int) at;
            long length = Integer.toUnsignedLong(in.getInt(lengthFirst ? head : head + 4));
            var type = new String(bytes, lengthFirst ? head + 4 : head, 4, StandardCharsets.ISO_8859_1);
            chunks.add(new Chunk(type, slice(in, head + 8, length)));
            // PNG ends a chunk with a checksum, RIFF pads it to an even length.
            at += 8 + length + (lengthFirst ? 4 : length % 2);
        }
        return chunks;
    }

    private static ByteBuffer slice(ByteBuffer in, int from, long length) {
        int start = Math.min(from, in.limit());
        int count = (int) Math.min(length, in.limit() - start);
        return in.slice(start, count).order(in.order());
    }
}
