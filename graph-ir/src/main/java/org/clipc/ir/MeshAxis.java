package org.clipc.ir;

import java.util.Locale;

/** A dimension of a {@link Mesh} of ranks. */
public enum MeshAxis {
    /** Ranks along it hold different samples. */
    DATA,
    /** Ranks along it hold different parts of the same tensors. */
    TENSOR;

    /** How the text form spells it. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }
}
