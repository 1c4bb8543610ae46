package org.clipc.ir;

/** Element type and shape of a value. */
public record TensorType(DType dtype, Shape shape) {

    public static TensorType f32(int... dims) {
        return new TensorType(DType.F32, Shape.of(dims));
    }

    public static TensorType i32(int... dims) {
        return new TensorType(DType.I32, Shape.of(dims));
    }

    public static TensorType scalar(DType dtype) {
        return new TensorType(dtype, Shape.SCALAR);
    }

    public int rank() {
        return shape.rank();
    }

    public int dim(int axis) {
        return shape.dim(axis);
    }

    public long elements() {
        return shape.elements();
    }

    /** Storage size in bytes, without padding. */
    public long bytes() {
        return shape.elements() * dtype.bytes();
    }

    public TensorType withShape(Shape other) {
        return new TensorType(dtype, other);
    }

    public TensorType withDtype(DType other) {
        return new TensorType(other, shape);
    }

    /** The text form, such as {@code f32[32,768]}. */
    @Override
    public String toString() {
        return dtype.text() + shape;
    }
}
