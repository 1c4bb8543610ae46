package org.clipc.ir;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A dimension of a {@link Mesh} of ranks. */
public enum MeshAxis {
    /** Ranks along it hold different samples. */
    DATA,
    /** Ranks along it hold different parts of the same tensors. */
    TENSOR;

    /** The axis along which ranks exchange by {@code op}; null if they do not. */
    public static @Nullable MeshAxis of(Op op) {
        return switch (op) {
            case Op.AllReduce(var axis, var _, var _) -> axis;
            case Op.AllGather(var axis, var _, var _, var _) -> axis;
            case Op.ReduceScatter(var axis, var _, var _, var _) -> axis;
            case Op.Permute(var axis, var _, var _) -> axis;
            default -> null;
        };
    }

    /** How the text form spells it. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }
}
