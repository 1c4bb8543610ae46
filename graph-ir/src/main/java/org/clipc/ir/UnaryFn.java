package org.clipc.ir;

/** Elementwise functions of one argument; {@code NOT} is the logical one, all others are on floats (NEG, ABS and SIGN on i32 too). */
public enum UnaryFn {
    NEG,
    ABS,
    SIGN,
    EXP,
    LOG,
    SQRT,
    RSQRT,
    RECIPROCAL,
    TANH,
    ERF,
    SIGMOID,
    SOFTPLUS,
    SIN,
    COS,
    FLOOR,
    NOT
}
