package org.clipc.runtime.data.image;

import java.util.random.RandomGenerator;

/** The three ways of open_clip to bring a whole picture to a square for evaluation. */
public enum ResizeMode {
    /** The shorter side becomes the square's; what sticks out of the other is cut equally (CLIP's own way). */
    SHORTEST {
        @Override
        RgbImage fit(RgbImage image, int size, Interpolation filter, int fill) {
            boolean upright = image.width() <= image.height();
            int shorter = Math.min(image.width(), image.height());
            long longer = (long) size * Math.max(image.width(), image.height()) / shorter;
            long excess = (long) Math.rint((longer - size) / 2.0);
            var window = new Resampler.Window(upright ? 0 : excess, upright ? excess : 0, size, size);
            return Resampler.resizeWindow(image, upright ? size : longer, upright ? longer : size, window, filter);
        }
    },

    /** The longer side becomes the square's; the rest is filled. */
    LONGEST {
        @Override
        RgbImage fit(RgbImage image, int size, Interpolation filter, int fill) {
            double ratio = Math.max((double) image.height() / size, (double) image.width() / size);
            int width = Math.max(1, (int) Math.rint(image.width() / ratio));
            int height = Math.max(1, (int) Math.rint(image.height() / ratio));
            RgbImage resized = Resampler.resize(image, width, height, filter);
            return resized.onCanvas(size, size, (size - width) / 2, (size - height) / 2, fill);
        }
    },

    /** Both sides become the square's, whatever the proportions. */
    SQUASH {
        @Override
        RgbImage fit(RgbImage image, int size, Interpolation filter, int fill) {
            return Resampler.resize(image, size, size, filter);
        }
    };

    abstract RgbImage fit(RgbImage image, int size, Interpolation filter, int fill);

    /**
     * The transform to {@code size} x {@code size} pixels; it uses no chance.
     *
     * @param fill 0xRRGGBB, where there is something to fill
     */
    public ImageTransform toSquare(int size, Interpolation filter, int fill) {
        return (RgbImage image, RandomGenerator random) -> fit(image, size, filter, fill);
    }
}
