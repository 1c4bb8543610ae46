package org.clipc.runtime.data.image;

import java.util.OptionalInt;

/**
 * How pictures are decoded.
 *
 * @param maxPixels width times height beyond which a picture is refused before anything is unpacked
 * @param applyOrientation turn photographs as their EXIF orientation says
 * @param background colour 0xRRGGBB behind transparent pixels; when empty, opacity is ignored and the colours are taken as
 *     stored, as PIL's {@code convert("RGB")} does
 */
public record DecodeOptions(long maxPixels, boolean applyOrientation, OptionalInt background) {
    /** PIL warns of a decompression bomb beyond this. */
    public static final long DEFAULT_MAX_PIXELS = 89_478_485;

    public static final DecodeOptions DEFAULT = new DecodeOptions(DEFAULT_MAX_PIXELS, true, OptionalInt.empty());

    public DecodeOptions {
        if (maxPixels < 1) {
            throw new IllegalArgumentException("maxPixels must be positive, not " + maxPixels);
        }
    }
}
