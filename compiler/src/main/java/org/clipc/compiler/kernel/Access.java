package org.clipc.compiler.kernel;

/** How a kernel walks an operand along the innermost axis of its index space. */
public enum Access {
    /** Unit stride. */
    CONTIGUOUS,
    /** Stride 0: one element for the whole innermost loop. */
    SPLAT,
    /** Any other stride, given at run time. */
    STRIDED
}
