package org.clipc.runtime.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/**
 * A dense row-major tensor in host memory, little-endian as safetensors files are. It does not own its memory: a tensor
 * of a {@link SafetensorsFile} is a view that ends with the file.
 *
 * @param shape dimensions, outermost first; empty for a scalar
 * @param data exactly {@code elements * dtype.bytes()} bytes, of any alignment
 */
public record HostTensor(TensorDType dtype, List<Long> shape, MemorySegment data) {
    static final ValueLayout.OfDouble F64 = ValueLayout.JAVA_DOUBLE_UNALIGNED;
    static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;
    static final ValueLayout.OfShort I16 = ValueLayout.JAVA_SHORT_UNALIGNED;
    static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED;
    static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED;

    static {
        // Files are mapped and arrays wrapped as they are; every machine with a Vector API back end is little-endian.
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new UnsupportedOperationException("tensors need a little-endian machine");
        }
    }

    public HostTensor {
        shape = List.copyOf(shape);
        long bytes = byteSize(dtype, shape);
        if (bytes != data.byteSize()) {
            throw new IllegalArgumentException(
                    describe(dtype, shape) + " needs " + bytes + " bytes, not " + data.byteSize());
        }
    }

    public static HostTensor of(float[] values, long... shape) {
        return new HostTensor(TensorDType.F32, asList(shape), MemorySegment.ofArray(values));
    }

    public static HostTensor of(double[] values, long... shape) {
        return new HostTensor(TensorDType.F64, asList(shape), MemorySegment.ofArray(values));
    }

    public static HostTensor of(long[] values, long... shape) {
        return new HostTensor(TensorDType.I64, asList(shape), MemorySegment.ofArray(values));
    }

    public static HostTensor of(int[] values, long... shape) {
        return new HostTensor(TensorDType.I32, asList(shape), MemorySegment.ofArray(values));
    }

    /** A zeroed tensor in the memory of {@code arena}. */
    public static HostTensor allocate(Arena arena, TensorDType dtype, List<Long> shape) {
        return new HostTensor(dtype, shape, arena.allocate(byteSize(dtype, shape), 64));
    }

    /** Elements of a shape; an {@link ArithmeticException} when they pass a long, an error for a negative size. */
    public static long elementCount(List<Long> shape) {
        long count = 1;
        for (long size : shape) {
            if (size < 0) {
                throw new IllegalArgumentException("negative size in shape " + shape);
            }
            count = Math.multiplyExact(count, size);
        }
        return count;
    }

    static long byteSize(TensorDType dtype, List<Long> shape) {
        return Math.multiplyExact(elementCount(shape), dtype.bytes());
    }

    /** Such as {@code F32[2, 3]}. */
    static String describe(TensorDType dtype, List<Long> shape) {
        return dtype.name() + shape;
    }

    public long elementCount() {
        return elementCount(shape);
    }

    /** Element {@code i} in row-major order, as a double; exact for all but I64 beyond 2⁵³. */
    public double getDouble(long i) {
        return switch (dtype) {
            case F64 -> data.get(F64, i * 8);
            case F32 -> data.get(F32, i * 4);
            case F16 -> Float.float16ToFloat(data.get(I16, i * 2));
            case BF16 -> Bfloat16.toFloat(data.get(I16, i * 2));
            case I64 -> data.get(I64, i * 8);
            case I32 -> data.get(I32, i * 4);
            case U8 -> Byte.toUnsignedInt(data.get(ValueLayout.JAVA_BYTE, i));
            case BOOL -> data.get(ValueLayout.JAVA_BYTE, i) != 0 ? 1 : 0;
        };
    }

    /** Element {@code i} in row-major order, as a long; floats are truncated as a Java cast does. */
    public long getLong(long i) {
        return switch (dtype) {
            case I64 -> data.get(I64, i * 8);
            case I32 -> data.get(I32, i * 4);
            case F64, F32, F16, BF16, U8, BOOL -> (long) getDouble(i);
        };
    }

    /** All elements, each rounded to float. */
    public float[] toFloats() {
        var floats = new float[arrayLength()];
        copyTo(new HostTensor(TensorDType.F32, shape, MemorySegment.ofArray(floats)));
        return floats;
    }

    public double[] toDoubles() {
        var doubles = new double[arrayLength()];
        Arrays.setAll(doubles, this::getDouble);
        return doubles;
    }

    public long[] toLongs() {
        var longs = new long[arrayLength()];
        Arrays.setAll(longs, this::getLong);
        return longs;
    }

    /** A copy in another element type, in the memory of {@code arena}; floats round to nearest even. */
    public HostTensor convert(TensorDType target, Arena arena) {
        HostTensor converted = allocate(arena, target, shape);
        copyTo(converted);
        return converted;
    }

    /** Fills {@code target}, which has as many elements, converting to its element type. */
    public void copyTo(HostTensor target) {
        if (target.elementCount() != elementCount()) {
            throw new IllegalArgumentException(
                    "cannot copy " + describe(dtype, shape) + " to " + describe(target.dtype, target.shape));
        }
        if (target.dtype == dtype) {
            MemorySegment.copy(data, 0, target.data, 0, data.byteSize());
        } else {
            ElementConversion.convert(this, target);
        }
    }

    private int arrayLength() {
        long count = elementCount();
        if (count > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException(describe(dtype, shape) + " has too many elements for a Java array");
        }
        return (int) count;
    }

    private static List<Long> asList(long[] shape) {
        return Arrays.stream(shape).boxed().toList();
    }
}
