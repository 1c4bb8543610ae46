package org.clipc.runtime.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Element-by-element conversion between tensors of equal size and different types. */
final class ElementConversion {
    private ElementConversion() {}

    static void convert(HostTensor from, HostTensor to) {
        MemorySegment out = to.data();
        long count = from.elementCount();
        switch (to.dtype()) {
            case F64 -> {
                for (long i = 0; i < count; i++) {
                    out.set(HostTensor.F64, i * 8, from.getDouble(i));
                }
            }
            case F32 -> toF32(from, out, count);
            case BF16 -> toBf16(from, out, count);
            case F16 -> {
                for (long i = 0; i < count; i++) {
                    out.set(HostTensor.I16, i * 2, Float.floatToFloat16(roundToOdd(from.getDouble(i))));
                }
            }
            case I64 -> {
                for (long i = 0; i < count; i++) {
                    out.set(HostTensor.I64, i * 8, from.getLong(i));
                }
            }
            case I32 -> {
                for (long i = 0; i < count; i++) {
                    out.set(HostTensor.I32, i * 4, (int) from.getLong(i));
                }
            }
            case U8 -> {
                for (long i = 0; i < count; i++) {
                    out.set(ValueLayout.JAVA_BYTE, i, (byte) from.getLong(i));
                }
            }
            case BOOL -> {
                for (long i = 0; i < count; i++) {
                    out.set(ValueLayout.JAVA_BYTE, i, (byte) (from.getDouble(i) != 0 ? 1 : 0));
                }
            }
        }
    }

    // The pairs that every checkpoint load goes through have loops of their own.

    private static void toF32(HostTensor from, MemorySegment out, long count) {
        MemorySegment in = from.data();
        switch (from.dtype()) {
            case BF16 -> Bfloat16Block.widen(in, out, count);
            case F16 -> {
                for (long i = 0; i < count; i++) {
                    out.set(HostTensor.F32, i * 4, Float.float16ToFloat(in.get(HostTensor.I16, i * 2)));
                }
            }
            case F64, F32, I64, I32, U8, BOOL -> {
                for (long i = 0; i < count; i++) {
                    out.set(HostTensor.F32, i * 4, (float) from.getDouble(i));
                }
            }
        }
    }

    private static void toBf16(HostTensor from, MemorySegment out, long count) {
        if (from.dtype() == TensorDType.F32) {
            Bfloat16Block.narrow(from.data(), out, count);
            return;
        }
        for (long i = 0; i < count; i++) {
            out.set(HostTensor.I16, i * 2, Bfloat16.of(roundToOdd(from.getDouble(i))));
        }
    }

    /**
     * A float that rounds on to a 16-bit format as {@code value} itself would: rounding twice to nearest may err at
     * ties, so the first rounding is to odd (Boldo and Melquiond, 2008).
     */
    private static float roundToOdd(double value) {
        float nearest = (float) value;
        if (Double.isNaN(value) || nearest == value || Float.isInfinite(nearest)) {
            return nearest;
        }
        int bits = Float.floatToRawIntBits(nearest);
        if ((bits & 1) != 0) {
            return nearest;
        }
        boolean roundedAway = Math.abs((double) nearest) > Math.abs(value);
        return Float.intBitsToFloat(roundedAway ? bits - 1 : bits + 1);
    }
}
