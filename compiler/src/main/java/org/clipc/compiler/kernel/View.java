package org.clipc.compiler.kernel;

import java.util.List;
import org.clipc.ir.DType;

/**
 * A tensor as a kernel sees it: part of a buffer.
 *
 * @param buffer id of the buffer in the memory plan
 * @param offset first element, counted from the buffer's start
 * @param dims extents, outermost first
 * @param strides step of each axis, in elements; 0 broadcasts
 */
public record View(int buffer, long offset, DType dtype, List<Integer> dims, List<Long> strides) {

    public View {
        dims = List.copyOf(dims);
        strides = List.copyOf(strides);
    }

    public int dim(int axis) {
        return dims.get(axis);
    }

    public long stride(int axis) {
        return strides.get(axis);
    }

    public long elements() {
        return dims.stream().mapToLong(Integer::longValue).reduce(1, (a, b) -> a * b);
    }
}
