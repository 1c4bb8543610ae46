package org.clipc.runtime.tensor;

/** The upper half of a float: 8 exponent bits and 7 of fraction, in a short. */
public final class Bfloat16 {
    private static final short QUIET_NAN = 0x7fc0;

    private Bfloat16() {}

    /** Exact. */
    public static float toFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** Rounded to nearest, ties to even; too large becomes infinite, NaN keeps its sign only. */
    public static short of(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (((bits >>> 16) & 0x8000) | QUIET_NAN);
        }
        int roundUp = 0x7fff + ((bits >>> 16) & 1);
        return (short) ((bits + roundUp) >>> 16);
    }
}
