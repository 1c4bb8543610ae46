package org.clipc.ir;

import java.util.Locale;

/** Element type of a tensor. */
public enum DType {
    F32(4),
    BF16(2),
    F16(2),
    I32(4),
    BOOL(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Storage size of one element, in bytes. */
    public int bytes() {
        return bytes;
    }

    public boolean isFloat() {
        return this == F32 || this == BF16 || this == F16;
    }

    /** The name used in the graph's text form and in {@code .clip} sources, such as {@code f32}. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }
}
