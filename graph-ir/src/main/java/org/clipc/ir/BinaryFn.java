package org.clipc.ir;

/** Elementwise functions of two arguments of one type; {@code AND} and {@code OR} are logical. */
public enum BinaryFn {
    ADD,
    SUB,
    MUL,
    DIV,
    MAX,
    MIN,
    POW,
    AND,
    OR
}
