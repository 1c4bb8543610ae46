package org.clipc.runtime.data.image;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** EXIF's orientation tag: how a camera held askew stored its picture, and how to put it upright. In the tag's order, from 1. */
enum Orientation {
    UPRIGHT,
    MIRRORED,
    UPSIDE_DOWN,
    FLIPPED,
    TRANSPOSED,
    TURNED_LEFT,
    TRANSVERSED,
    TURNED_RIGHT;

    private static final List<Orientation> BY_TAG = List.of(values());
    private static final String EXIF_PREFIX = "Exif\0\0";
    private static final int ORIENTATION_TAG = 0x0112;
    private static final int ENTRY_BYTES = 12;

    RgbImage toUpright(RgbImage image) {
        return switch (this) {
            case UPRIGHT -> image;
            case MIRRORED -> image.mirrored();
            case UPSIDE_DOWN -> flipped(image).mirrored();
            case FLIPPED -> flipped(image);
            case TRANSPOSED -> image.transposed();
            case TURNED_LEFT -> image.transposed().mirrored();
            case TRANSVERSED -> flipped(image.transposed().mirrored());
            case TURNED_RIGHT -> flipped(image.transposed());
        };
    }

    /** What a file says; upright when it says nothing that makes sense. */
    static Orientation of(ImageFormat format, byte[] bytes) {
        for (Chunk chunk : Chunk.of(format, bytes)) {
            boolean exif = switch (chunk.type()) {
                case "eXIf", "EXIF", "ffe1" -> true;
                default -> false;
            };
            if (exif) {
                Orientation found = ofExif(withoutPrefix(chunk.body()));
                if (found != UPRIGHT) {
                    return found;
                }
            }
        }
        return UPRIGHT;
    }

    private static ByteBuffer withoutPrefix(ByteBuffer body) {
        byte[] prefix = EXIF_PREFIX.getBytes(StandardCharsets.US_ASCII);
        boolean has = body.remaining() >= prefix.length
                && body.slice(0, prefix.length).equals(ByteBuffer.wrap(prefix));
        return has ? body.slice(prefix.length, body.remaining() - prefix.length) : body.slice();
    }

    /** Looks through the first directory of a TIFF header. */
    private static Orientation ofExif(ByteBuffer tiff) {
        try {
            short order = tiff.getShort(0);
            if (order != 0x4949 && order != 0x4d4d) {
                return UPRIGHT;
            }
            tiff.order(order == 0x4949 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
            tiff.position(tiff.getInt(4));
            int entries = Short.toUnsignedInt(tiff.getShort());
            for (int i = 0; i < entries; i++) {
                int entry = tiff.position() + i * ENTRY_BYTES;
                if (Short.toUnsignedInt(tiff.getShort(entry)) == ORIENTATION_TAG) {
                    int tag = tiff.getShort(entry + 8);
                    return tag >= 1 && tag <= BY_TAG.size() ? BY_TAG.get(tag - 1) : UPRIGHT;
                }
            }
            return UPRIGHT;
        } catch (IndexOutOfBoundsException | IllegalArgumentException | BufferUnderflowException e) {
            return UPRIGHT;
        }
    }

    private static RgbImage flipped(RgbImage image) {
        RgbImage flipped = RgbImage.blank(image.width(), image.height());
        int row = 3 * image.width();
        for (int y = 0; y < image.height(); y++) {
            System.arraycopy(image.rgb(), y * row, flipped.rgb(), (image.height() - 1 - y) * row, row);
        }
        return flipped;
    }
}
