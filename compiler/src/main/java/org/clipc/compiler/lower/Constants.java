package org.clipc.compiler.lower;

/** Which constants are part of a kernel, and which are handed to it at run time. */
final class Constants {

    private Constants() {}

    /**
     * Whether a kernel's code holds the constant. Small multiples of 1/8 and what is not finite: numbers that formulas
     * are made of, unlike drop rates, sizes and their inverses, which differ from layer to layer.
     */
    static boolean isBaked(double value) {
        return !Double.isFinite(value) || (Math.abs(value) <= 8 && value * 8 == Math.rint(value * 8));
    }
}
