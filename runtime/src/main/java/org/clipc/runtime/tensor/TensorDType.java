package org.clipc.runtime.tensor;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** Element types that a tensor file may hold; wider than those the compiler computes in. */
public enum TensorDType {
    F64(8),
    F32(4),
    F16(2),
    BF16(2),
    I64(8),
    I32(4),
    U8(1),
    BOOL(1);

    private final int bytes;

    TensorDType(int bytes) {
        this.bytes = bytes;
    }

    /** Storage size of one element, in bytes. */
    public int bytes() {
        return bytes;
    }

    public boolean isFloat() {
        return switch (this) {
            case F64, F32, F16, BF16 -> true;
            case I64, I32, U8, BOOL -> false;
        };
    }

    /** The type of this safetensors name, such as {@code BF16}. */
    public static Optional<TensorDType> named(String name) {
        return Arrays.stream(values()).filter(t -> t.name().equals(name)).findFirst();
    }

    static String allNames() {
        return Arrays.stream(values()).map(Enum::name).collect(Collectors.joining(", "));
    }
}
