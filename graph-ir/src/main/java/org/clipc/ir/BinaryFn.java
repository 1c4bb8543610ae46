package org.clipc.ir;

/**
 * Elementwise functions of two arguments of one type; {@code AND} and {@code OR} are logical. An i32 divided by zero is 0,
 * so that no element can stop a program.
 */
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
