package org.clipc.ir;

/** The kernel family that runs a {@link Op.Fused} body. */
public enum FusionKind {
    /** Elementwise ops over one index space, broadcasts and strided views of operands included. */
    ELEMENTWISE,
    /** One reduction whose input is an elementwise expression. */
    REDUCE,
    /** One dot_general followed by elementwise ops over its result. */
    GEMM
}
