package org.clipc.ir.interp;

import java.util.List;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;

/** Ops that move elements without computing: each copies between two strided views of one index space. */
final class Strided {

    private Strided() {}

    /** For every index of {@code space}: {@code to[toOffset + index · toStrides] = from[fromOffset + index · fromStrides]}. */
    static void copy(
            Shape space,
            double[] from,
            long fromOffset,
            long[] fromStrides,
            double[] to,
            long toOffset,
            long[] toStrides) {
        copyAxis(space, 0, from, fromOffset, fromStrides, to, toOffset, toStrides);
    }

    private static void copyAxis(
            Shape space,
            int axis,
            double[] from,
            long fromAt,
            long[] fromStrides,
            double[] to,
            long toAt,
            long[] toStrides) {
        if (axis == space.rank()) {
            to[(int) toAt] = from[(int) fromAt];
            return;
        }
        for (var i = 0; i < space.dim(axis); i++) {
            var source = fromAt + i * fromStrides[axis];
            var target = toAt + i * toStrides[axis];
            copyAxis(space, axis + 1, from, source, fromStrides, to, target, toStrides);
        }
    }

    private static Tensor64 read(Tensor64 x, long offset, long[] strides, TensorType type) {
        var result = Tensor64.zeros(type);
        copy(
                type.shape(),
                x.data(),
                offset,
                strides,
                result.data(),
                0,
                type.shape().strides());
        return result;
    }

    static Tensor64 transpose(Tensor64 x, List<Integer> permutation) {
        var strides = x.shape().strides();
        var permuted = permutation.stream().mapToLong(axis -> strides[axis]).toArray();
        var dims = permutation.stream().map(x.shape()::dim).toList();
        return read(x, 0, permuted, x.type().withShape(new Shape(dims)));
    }

    static Tensor64 broadcast(Tensor64 x, Op.Broadcast op) {
        var from = x.shape().strides();
        var strides = new long[op.shape().rank()];
        for (var i = 0; i < op.axes().size(); i++) {
            strides[op.axes().get(i)] = x.shape().dim(i) == 1 ? 0 : from[i];
        }
        return read(x, 0, strides, x.type().withShape(op.shape()));
    }

    static Tensor64 slice(Tensor64 x, Op.Slice op, TensorType type) {
        var strides = x.shape().strides();
        return read(x, offset(op.starts(), strides), strides, type);
    }

    static Tensor64 pad(Tensor64 x, Op.Pad op, TensorType type) {
        var result = Tensor64.filled(type, op.value());
        write(x, result, offset(op.low(), type.shape().strides()));
        return result;
    }

    /** The tensor's {@code sections} along the first axis, each {@code shift} places further on in a ring. */
    static Tensor64 roll(Tensor64 x, int sections, int shift) {
        if (sections == 1) {
            return x;
        }
        var result = Tensor64.zeros(x.type());
        var length = x.size() / sections;
        for (var to = 0; to < sections; to++) {
            var from = Math.floorMod(to - shift, sections);
            System.arraycopy(x.data(), from * length, result.data(), to * length, length);
        }
        return result;
    }

    static Tensor64 concat(List<Tensor64> parts, int axis, TensorType type) {
        var result = Tensor64.zeros(type);
        var stride = type.shape().strides()[axis];
        var at = 0L;
        for (var part : parts) {
            write(part, result, at * stride);
            at += part.shape().dim(axis);
        }
        return result;
    }

    static Tensor64 iota(Op.Iota op, TensorType type) {
        var result = Tensor64.zeros(type);
        var stride = op.shape().strides()[op.axis()];
        for (var i = 0; i < result.size(); i++) {
            result.data()[i] = i / stride % op.shape().dim(op.axis());
        }
        return result;
    }

    private static void write(Tensor64 part, Tensor64 into, long offset) {
        copy(
                part.shape(),
                part.data(),
                0,
                part.shape().strides(),
                into.data(),
                offset,
                into.shape().strides());
    }

    private static long offset(List<Integer> index, long[] strides) {
        var offset = 0L;
        for (var axis = 0; axis < strides.length; axis++) {
            offset += index.get(axis) * strides[axis];
        }
        return offset;
    }
}
