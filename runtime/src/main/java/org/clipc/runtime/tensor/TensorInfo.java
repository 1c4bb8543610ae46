package org.clipc.runtime.tensor;

import java.util.List;

/**
 * Where one tensor lies in a safetensors file.
 *
 * @param begin first byte, counted from the end of the header
 * @param end byte after the last
 */
public record TensorInfo(String name, TensorDType dtype, List<Long> shape, long begin, long end) {
    public TensorInfo {
        shape = List.copyOf(shape);
    }

    public long byteSize() {
        return end - begin;
    }
}
