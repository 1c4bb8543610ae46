package org.clipc.ir;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** The extents of a tensor, outermost first; no extents for a scalar. */
public record Shape(List<Integer> dims) {

    /** Most elements: so many that 64 bits count their bytes, of whatever type they are. */
    private static final long MOST = Long.MAX_VALUE / Float.BYTES;

    public static final Shape SCALAR = new Shape(List.of());

    /** @throws IllegalArgumentException if an extent is not positive or the elements are more than 64 bits count the bytes of */
    public Shape {
        dims = List.copyOf(dims);
        var count = 1L;
        for (int d : dims) {
            if (d <= 0) {
                throw new IllegalArgumentException("extent " + d + " in shape " + dims + " is not positive");
            }
            count = multiply(count, d, dims);
        }
    }

    private static long multiply(long count, int d, List<Integer> dims) {
        if (count > MOST / d) {
            throw new IllegalArgumentException("shape " + dims + " has more elements than 64 bits count the bytes of");
        }
        return count * d;
    }

    public static Shape of(int... dims) {
        var list = new ArrayList<Integer>(dims.length);
        for (var d : dims) {
            list.add(d);
        }
        return new Shape(list);
    }

    public int rank() {
        return dims.size();
    }

    /** The extent of {@code axis}; negative axes count from the end. */
    public int dim(int axis) {
        return dims.get(axis < 0 ? axis + rank() : axis);
    }

    /** Number of elements. */
    public long elements() {
        return elements(0, rank());
    }

    /** Number of elements spanned by the axes {@code from} (inclusive) to {@code to} (exclusive). */
    public long elements(int from, int to) {
        var count = 1L;
        for (var axis = from; axis < to; axis++) {
            count *= dims.get(axis);
        }
        return count;
    }

    /** Row-major strides, in elements. */
    public long[] strides() {
        var strides = new long[rank()];
        var step = 1L;
        for (var axis = rank() - 1; axis >= 0; axis--) {
            strides[axis] = step;
            step *= dims.get(axis);
        }
        return strides;
    }

    public Shape with(int axis, int extent) {
        var copy = new ArrayList<>(dims);
        copy.set(axis < 0 ? axis + rank() : axis, extent);
        return new Shape(copy);
    }

    /** This shape without the given axes. */
    public Shape without(List<Integer> axes) {
        var kept = new ArrayList<Integer>();
        for (var axis = 0; axis < rank(); axis++) {
            if (!axes.contains(axis)) {
                kept.add(dims.get(axis));
            }
        }
        return new Shape(kept);
    }

    /** The axes {@code from} (inclusive) to {@code to} (exclusive) as a shape of their own. */
    public Shape slice(int from, int to) {
        return new Shape(dims.subList(from, to));
    }

    public Shape append(int extent) {
        var copy = new ArrayList<>(dims);
        copy.add(extent);
        return new Shape(copy);
    }

    public Shape concat(Shape tail) {
        var copy = new ArrayList<>(dims);
        copy.addAll(tail.dims);
        return new Shape(copy);
    }

    @Override
    public String toString() {
        return dims.stream().map(String::valueOf).collect(Collectors.joining(",", "[", "]"));
    }
}
