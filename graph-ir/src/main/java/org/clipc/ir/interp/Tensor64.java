package org.clipc.ir.interp;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;

/**
 * A row-major tensor with an element type and float64 storage: floats are kept in full precision, i32 as whole numbers,
 * bool as 0 and 1.
 */
public final class Tensor64 {

    private final TensorType type;
    private final double[] data;

    private Tensor64(TensorType type, double[] data) {
        this.type = type;
        this.data = data;
    }

    /**
     * A tensor over {@code data} itself, not a copy.
     *
     * @throws IllegalArgumentException if the element counts differ
     */
    public static Tensor64 of(TensorType type, double... data) {
        if (type.elements() != data.length) {
            throw new IllegalArgumentException(type + " cannot hold " + data.length + " elements");
        }
        return new Tensor64(type, data);
    }

    public static Tensor64 zeros(TensorType type) {
        if (type.elements() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(type + " is too large to interpret");
        }
        return new Tensor64(type, new double[(int) type.elements()]);
    }

    public static Tensor64 filled(TensorType type, double value) {
        var result = zeros(type);
        Arrays.fill(result.data, value);
        return result;
    }

    public static Tensor64 scalar(TensorType type, double value) {
        return of(type, value);
    }

    public TensorType type() {
        return type;
    }

    public Shape shape() {
        return type.shape();
    }

    /** The elements, row-major; the tensor's own storage. */
    public double[] data() {
        return data;
    }

    public int size() {
        return data.length;
    }

    public double get(int i) {
        return data[i];
    }

    /** The element at {@code i} of an i32 tensor. */
    public int getInt(int i) {
        return (int) data[i];
    }

    /** The same elements under another type with as many elements. */
    public Tensor64 as(TensorType other) {
        return of(other, data);
    }

    /** A tensor of type {@code result} with the function applied to each element. */
    public Tensor64 map(TensorType result, DoubleUnaryOperator function) {
        return of(result, Arrays.stream(data).map(function).toArray());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Tensor64 that && type.equals(that.type) && Arrays.equals(data, that.data);
    }

    @Override
    public int hashCode() {
        return 31 * type.hashCode() + Arrays.hashCode(data);
    }

    @Override
    public String toString() {
        return type + Arrays.toString(data);
    }
}
