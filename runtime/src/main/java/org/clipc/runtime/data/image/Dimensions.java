package org.clipc.runtime.data.image;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * The size that a picture file declares, found without a decoder, so that a small file which unpacks to a huge picture
 * is refused before anything is allocated for it.
 */
record Dimensions(long width, long height) {
    /** The largest size declared anywhere in the header. */
    static Dimensions of(ImageFormat format, byte[] bytes) throws ImageFormatException {
        Dimensions found = switch (format) {
            case PNG -> ofPng(Chunk.of(format, bytes));
            case JPEG -> ofJpeg(Chunk.of(format, bytes));
            case WEBP -> ofWebp(Chunk.of(format, bytes));
            case GIF -> GifFrame.of(bytes).canvas();
        };
        if (found.width < 1 || found.height < 1) {
            throw new ImageFormatException("the " + format + " header declares no size");
        }
        return found;
    }

    private static Dimensions ofPng(List<Chunk> chunks) {
        boolean sound = !chunks.isEmpty()
                && chunks.getFirst().type().equals("IHDR")
                && chunks.getFirst().body().remaining() >= 8;
        if (!sound) {
            return new Dimensions(0, 0);
        }
        ByteBuffer header = chunks.getFirst().body();
        return new Dimensions(Integer.toUnsignedLong(header.getInt(0)), Integer.toUnsignedLong(header.getInt(4)));
    }

    private static Dimensions ofJpeg(List<Chunk> chunks) {
        for (Chunk chunk : chunks) {
            if (JpegColours.isFrame(chunk.type()) && chunk.body().remaining() >= 5) {
                return new Dimensions(
                        Short.toUnsignedInt(chunk.body().getShort(3)),
                        Short.toUnsignedInt(chunk.body().getShort(1)));
            }
        }
        return new Dimensions(0, 0);
    }

    /** Both the canvas and every coded picture count: a decoder may allocate either. */
    private static Dimensions ofWebp(List<Chunk> chunks) {
        var largest = new Dimensions(0, 0);
        for (Chunk chunk : chunks) {
            ByteBuffer body = chunk.body();
            largest = switch (chunk.type()) {
                case "VP8X" -> largest.or(body.remaining() < 10 ? largest : extended(body));
                case "VP8 " -> largest.or(body.remaining() < 10 ? largest : lossy(body));
                case "VP8L" -> largest.or(body.remaining() < 5 ? largest : lossless(body));
                default -> largest;
            };
        }
        return largest;
    }

    private static Dimensions extended(ByteBuffer body) {
        return new Dimensions((body.getInt(4) & 0xff_ffff) + 1, (body.getInt(6) >>> 8) + 1);
    }

    private static Dimensions lossy(ByteBuffer body) {
        return new Dimensions(body.getShort(6) & 0x3fff, body.getShort(8) & 0x3fff);
    }

    private static Dimensions lossless(ByteBuffer body) {
        int bits = body.getInt(1);
        return new Dimensions((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
    }

    private Dimensions or(Dimensions other) {
        return other.pixels() > pixels() ? other : this;
    }

    long pixels() {
        return width * height;
    }
}
