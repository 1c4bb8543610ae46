package org.clipc.ir;

/** What a graph input stands for, and so where it lives between runs. */
public enum InputKind {
    /** A model parameter: lives in the device's parameter region. */
    PARAMETER,
    /** Optimizer or other state that outlives a run. */
    STATE,
    /** A batch tensor, written before each run. */
    DATA,
    /** A per-run number such as the learning rate or the random seed. */
    SCALAR,
    /** An operand of an enclosing {@link Op.Fused}. */
    OPERAND
}
