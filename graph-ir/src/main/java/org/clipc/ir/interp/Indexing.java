package org.clipc.ir.interp;

import org.clipc.ir.TensorType;

/** Gather and its transpose, over blocks: table [batch, size, width], indices [batch, count]. */
final class Indexing {

    private Indexing() {}

    static Tensor64 gather(Tensor64 table, Tensor64 indices, int batchDims, TensorType type) {
        var size = table.shape().dim(batchDims);
        var width = (int) table.shape().elements(batchDims + 1, table.shape().rank());
        var count = (int) indices.shape().elements(batchDims, indices.shape().rank());
        var result = Tensor64.zeros(type);
        for (var i = 0; i < indices.size(); i++) {
            var row = i / count * size + inRange(indices.getInt(i), size);
            System.arraycopy(table.data(), row * width, result.data(), i * width, width);
        }
        return result;
    }

    static Tensor64 scatterAdd(Tensor64 updates, Tensor64 indices, int batchDims, int size, TensorType type) {
        var width = updates.size() / indices.size();
        var count = (int) indices.shape().elements(batchDims, indices.shape().rank());
        var result = Tensor64.zeros(type);
        for (var i = 0; i < indices.size(); i++) {
            var row = i / count * size + inRange(indices.getInt(i), size);
            for (var j = 0; j < width; j++) {
                result.data()[row * width + j] += updates.get(i * width + j);
            }
        }
        return result;
    }

    static int inRange(int index, int size) {
        if (index < 0 || index >= size) {
            throw new IllegalArgumentException("index " + index + " is outside of [0, " + size + ")");
        }
        return index;
    }
}
