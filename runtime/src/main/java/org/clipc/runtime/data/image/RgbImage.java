package org.clipc.runtime.data.image;

/** A picture of 8-bit red, green and blue samples. The array is shared, not copied: whoever makes one gives it away. */
public final class RgbImage {
    private final int width;
    private final int height;
    private final byte[] rgb;

    /** Of samples row by row, three per pixel: {@code 3 * width * height} bytes. */
    public RgbImage(int width, int height, byte[] rgb) {
        if (width < 1 || height < 1 || rgb.length != 3L * width * height) {
            throw new IllegalArgumentException(rgb.length + " bytes are no " + width + "x" + height + " picture");
        }
        this.width = width;
        this.height = height;
        this.rgb = rgb;
    }

    public int width() {
        return width;
    }

    public int height() {
        return height;
    }

    /** The samples themselves, row by row, three per pixel. */
    public byte[] rgb() {
        return rgb;
    }

    /** A black picture. */
    static RgbImage blank(int width, int height) {
        return new RgbImage(width, height, new byte[Math.multiplyExact(3, Math.multiplyExact(width, height))]);
    }

    /** A picture of one colour, 0xRRGGBB. */
    public static RgbImage filled(int width, int height, int colour) {
        RgbImage image = blank(width, height);
        for (int i = 0; i < image.rgb.length; i += 3) {
            image.rgb[i] = (byte) (colour >> 16);
            image.rgb[i + 1] = (byte) (colour >> 8);
            image.rgb[i + 2] = (byte) colour;
        }
        return image;
    }

    /** Sample 0 (red) to 2 (blue) of a pixel, 0 to 255. */
    public int sample(int x, int y, int channel) {
        return Byte.toUnsignedInt(rgb[3 * (y * width + x) + channel]);
    }

    /** The part with upper left corner (left, top), which must lie inside. */
    public RgbImage crop(int left, int top, int cropWidth, int cropHeight) {
        if (left < 0 || top < 0 || left + cropWidth > width || top + cropHeight > height) {
            throw new IllegalArgumentException("crop %d+%d, %d+%d leaves the %dx%d picture"
                    .formatted(left, cropWidth, top, cropHeight, width, height));
        }
        if (cropWidth == width && cropHeight == height) {
            return this;
        }
        RgbImage part = blank(cropWidth, cropHeight);
        for (int y = 0; y < cropHeight; y++) {
            System.arraycopy(rgb, 3 * ((top + y) * width + left), part.rgb, 3 * y * cropWidth, 3 * cropWidth);
        }
        return part;
    }

    /** This picture with (left, top) on a canvas of {@code colour} (0xRRGGBB); it must fit. */
    public RgbImage onCanvas(int canvasWidth, int canvasHeight, int left, int top, int colour) {
        if (left == 0 && top == 0 && canvasWidth == width && canvasHeight == height) {
            return this;
        }
        if (left < 0 || top < 0 || left + width > canvasWidth || top + height > canvasHeight) {
            throw new IllegalArgumentException("a %dx%d picture at (%d, %d) leaves the %dx%d canvas"
                    .formatted(width, height, left, top, canvasWidth, canvasHeight));
        }
        RgbImage canvas = filled(canvasWidth, canvasHeight, colour);
        for (int y = 0; y < height; y++) {
            System.arraycopy(rgb, 3 * y * width, canvas.rgb, 3 * ((top + y) * canvasWidth + left), 3 * width);
        }
        return canvas;
    }

    /** Left and right exchanged. */
    public RgbImage mirrored() {
        RgbImage mirror = blank(width, height);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                copyPixel(3 * (y * width + x), mirror, 3 * (y * width + width - 1 - x));
            }
        }
        return mirror;
    }

    /** Rows become columns: pixel (x, y) goes to (y, x). */
    RgbImage transposed() {
        RgbImage transposed = blank(height, width);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                copyPixel(3 * (y * width + x), transposed, 3 * (x * height + y));
            }
        }
        return transposed;
    }

    private void copyPixel(int from, RgbImage target, int to) {
        target.rgb[to] = rgb[from];
        target.rgb[to + 1] = rgb[from + 1];
        target.rgb[to + 2] = rgb[from + 2];
    }
}
