package org.clipc.ir;

/** What a graph input stands for, and so where it lives between runs. */
public enum InputKind {
    /** A model parameter: lives in the device's parameter region. */
    PARAMETER,
    /** Optimizer or other state that outlives a run. */
    STATE,
    /** What the entry points of one training step hand on to each other; worth nothing between steps. */
    CARRIED,
    /** A batch tensor, written before each run. */
    DATA,
    /** A per-run number such as the learning rate or the random seed. */
    SCALAR,
    /** An operand of an enclosing {@link Op.Fused}. */
    OPERAND;

    /** Whether it keeps its place and contents from one run to the next, and so can be updated. */
    public boolean outlivesARun() {
        return switch (this) {
            case PARAMETER, STATE, CARRIED -> true;
            case DATA, SCALAR, OPERAND -> false;
        };
    }
}
