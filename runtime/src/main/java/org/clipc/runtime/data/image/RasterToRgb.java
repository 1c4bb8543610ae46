package org.clipc.runtime.data.image;

import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.util.OptionalInt;

/** The stored samples of a decoded picture as RGB, without any colour space conversion. */
final class RasterToRgb {
    private final OptionalInt background;

    /** @param background colour behind transparent pixels; when empty, opacity is ignored */
    RasterToRgb(OptionalInt background) {
        this.background = background;
    }

    RgbImage convert(BufferedImage image) throws ImageFormatException {
        return image.getColorModel() instanceof IndexColorModel palette
                ? fromPalette(image.getRaster(), palette)
                : fromSamples(image.getRaster());
    }

    /** The colour of a palette's entry, 0xRRGGBB. */
    int colourOf(IndexColorModel palette, int index) {
        int argb = palette.getRGB(index);
        return blend(argb >> 16 & 0xff, argb >> 8 & 0xff, argb & 0xff, argb >>> 24);
    }

    private RgbImage fromPalette(Raster raster, IndexColorModel palette) throws ImageFormatException {
        var colours = new int[palette.getMapSize()];
        for (int i = 0; i < colours.length; i++) {
            colours[i] = colourOf(palette, i);
        }
        RgbImage image = RgbImage.blank(raster.getWidth(), raster.getHeight());
        var row = new int[raster.getWidth()];
        int to = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getSamples(raster.getMinX(), raster.getMinY() + y, row.length, 1, 0, row);
            for (int index : row) {
                if (index >= colours.length) {
                    throw new ImageFormatException(
                            "a pixel has colour " + index + " of a palette of " + colours.length);
                }
                put(image, to, colours[index]);
                to += 3;
            }
        }
        return image;
    }

    private RgbImage fromSamples(Raster raster) throws ImageFormatException {
        int bands = raster.getNumBands();
        if (bands < 1 || bands > 4) {
            throw new ImageFormatException("a picture of " + bands + " channels");
        }
        int shift = raster.getTransferType() == DataBuffer.TYPE_USHORT ? 8 : 0;
        boolean grey = bands < 3;
        boolean alpha = bands % 2 == 0;
        RgbImage image = RgbImage.blank(raster.getWidth(), raster.getHeight());
        var row = new int[bands * raster.getWidth()];
        int to = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, raster.getWidth(), 1, row);
            for (int at = 0; at < row.length; at += bands) {
                int red = row[at] >> shift;
                int green = grey ? red : row[at + 1] >> shift;
                int blue = grey ? red : row[at + 2] >> shift;
                put(image, to, blend(red, green, blue, alpha ? row[at + bands - 1] >> shift : 255));
                to += 3;
            }
        }
        return image;
    }

    private int blend(int red, int green, int blue, int alpha) {
        if (background.isEmpty() || alpha == 255) {
            return red << 16 | green << 8 | blue;
        }
        int behind = background.getAsInt();
        return over(red, behind >> 16 & 0xff, alpha) << 16
                | over(green, behind >> 8 & 0xff, alpha) << 8
                | over(blue, behind & 0xff, alpha);
    }

    private static int over(int sample, int behind, int alpha) {
        return (sample * alpha + behind * (255 - alpha) + 127) / 255;
    }

    private static void put(RgbImage image, int to, int colour) {
        image.rgb()[to] = (byte) (colour >> 16);
        image.rgb()[to + 1] = (byte) (colour >> 8);
        image.rgb()[to + 2] = (byte) colour;
    }
}
