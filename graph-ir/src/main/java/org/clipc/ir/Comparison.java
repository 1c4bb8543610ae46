package org.clipc.ir;

/** Elementwise comparisons, with a bool result; false when an argument is NaN, but for {@code NE}. */
public enum Comparison {
    EQ,
    NE,
    LT,
    LE,
    GT,
    GE
}
