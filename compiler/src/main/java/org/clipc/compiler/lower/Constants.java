package org.clipc.compiler.lower;

/** Which constants are part of a kernel, and which are handed to it at run time. */
final class Constants {

    private Constants() {}

    /**
     * Whether a kernel's code holds the constant: 0, 1, -1 and what is not finite. Others may differ from layer to layer,
     * as drop rates do, and a number in a register costs no more than one in the code.
     */
    static boolean isBaked(double value) {
        return !Double.isFinite(value) || value == 0 || Math.abs(value) == 1;
    }
}
