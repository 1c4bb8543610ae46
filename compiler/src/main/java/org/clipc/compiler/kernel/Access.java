package org.clipc.compiler.kernel;

/** How a kernel walks an operand along the innermost axis of its index space. */
public enum Access {
    /** Unit stride. */
    CONTIGUOUS,
    /** Stride 0: one element for the whole innermost loop. */
    SPLAT,
    /** Any other stride, given at run time. */
    STRIDED;

    /** Along an axis of that step. */
    public static Access of(long stride) {
        return stride == 1 ? CONTIGUOUS : stride == 0 ? SPLAT : STRIDED;
    }
}
