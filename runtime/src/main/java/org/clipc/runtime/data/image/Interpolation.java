package org.clipc.runtime.data.image;

/** Resampling filters, as PIL defines them (its bicubic has a = -1/2). */
public enum Interpolation {
    BILINEAR(1) {
        @Override
        double weight(double distance) {
            double x = Math.abs(distance);
            return x < 1 ? 1 - x : 0;
        }
    },
    BICUBIC(2) {
        @Override
        double weight(double distance) {
            double x = Math.abs(distance);
            if (x < 1) {
                return ((A + 2) * x - (A + 3)) * x * x + 1;
            }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
        }
    };

    private static final double A = -0.5;

    private final double support;

    Interpolation(double support) {
        this.support = support;
    }

    /** Distance beyond which the weight is 0, in source pixels when enlarging. */
    double support() {
        return support;
    }

    abstract double weight(double distance);
}
