package org.clipc.ir;

/** How a reduction combines elements. */
public enum ReduceFn {
    SUM,
    MAX,
    MIN
}
