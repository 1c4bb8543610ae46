package org.clipc.runtime.data.image;

import java.util.random.RandomGenerator;

/**
 * Turns, shifts, scales and shears a picture about its centre, by amounts drawn anew for each; made for drawings, whose
 * background {@code fill} continues outside. Samples are interpolated linearly.
 *
 * @param degrees turned by up to this much either way
 * @param translate shifted by up to this part of each side either way
 * @param minScale smallest size factor
 * @param maxScale greatest size factor
 * @param shear sheared along x by up to this many degrees either way
 * @param fill colour 0xRRGGBB beyond the picture
 */
public record RandomAffine(double degrees, double translate, double minScale, double maxScale, double shear, int fill)
        implements ImageTransform {
    public RandomAffine {
        if (!(minScale > 0 && minScale <= maxScale) || Math.abs(shear) >= 90) {
            throw new IllegalArgumentException(
                    "a random affine map needs 0 < least <= greatest scale and less than 90 degrees of shear");
        }
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        double angle = Math.toRadians(degrees * (2 * random.nextDouble() - 1));
        double shiftX = image.width() * translate * (2 * random.nextDouble() - 1);
        double shiftY = image.height() * translate * (2 * random.nextDouble() - 1);
        double scale = minScale + (maxScale - minScale) * random.nextDouble();
        double slant = Math.tan(Math.toRadians(shear * (2 * random.nextDouble() - 1)));
        // From the result back to the picture: unshift, unscale, unturn, unshear.
        double cos = Math.cos(angle) / scale;
        double sin = Math.sin(angle) / scale;
        double[] back = {cos - slant * -sin, sin - slant * cos, -sin, cos};
        return map(image, back, shiftX, shiftY);
    }

    private RgbImage map(RgbImage image, double[] back, double shiftX, double shiftY) {
        RgbImage result = RgbImage.blank(image.width(), image.height());
        double centreX = (image.width() - 1) / 2.0;
        double centreY = (image.height() - 1) / 2.0;
        int to = 0;
        for (int y = 0; y < image.height(); y++) {
            for (int x = 0; x < image.width(); x++) {
                double dx = x - centreX - shiftX;
                double dy = y - centreY - shiftY;
                double sourceX = back[0] * dx + back[1] * dy + centreX;
                double sourceY = back[2] * dx + back[3] * dy + centreY;
                for (int channel = 0; channel < 3; channel++) {
                    result.rgb()[to++] = (byte) Math.round(interpolate(image, sourceX, sourceY, channel));
                }
            }
        }
        return result;
    }

    private double interpolate(RgbImage image, double x, double y, int channel) {
        int left = (int) Math.floor(x);
        int top = (int) Math.floor(y);
        double right = x - left;
        double down = y - top;
        double upper = (1 - right) * at(image, left, top, channel) + right * at(image, left + 1, top, channel);
        double lower = (1 - right) * at(image, left, top + 1, channel) + right * at(image, left + 1, top + 1, channel);
        return (1 - down) * upper + down * lower;
    }

    private int at(RgbImage image, int x, int y, int channel) {
        boolean inside = x >= 0 && x < image.width() && y >= 0 && y < image.height();
        return inside ? image.sample(x, y, channel) : fill >> (16 - 8 * channel) & 0xff;
    }
}
