package org.clipc.runtime.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Tensors with a row for each sample of a batch, which micro-batches write or read in parts. In host memory: they are small
 * beside what a tower keeps of its samples.
 */
record RowCache(Map<String, HostTensor> whole, int parts) {

    static final RowCache NONE = new RowCache(Map.of(), 1);

    /**
     * Of the tensors that an entry point for the whole batch has in common with one for a micro-batch.
     *
     * @param whole of the one
     * @param part of the other
     */
    static RowCache of(List<TensorSlot> whole, List<TensorSlot> part, int parts) {
        var shared = new LinkedHashMap<String, HostTensor>();
        for (var slot : whole) {
            if (part.stream().anyMatch(other -> other.name().equals(slot.name()))) {
                var dtype = DeviceTensors.hostType(slot.type().dtype());
                var shape = DeviceTensors.hostShape(slot.type().shape());
                shared.put(slot.name(), HostTensor.allocate(Arena.ofAuto(), dtype, shape));
            }
        }
        return new RowCache(shared, parts);
    }

    /** Sets the rows of a micro-batch; tensors of other names are left out. */
    void put(int part, Map<String, HostTensor> rows) {
        rows.forEach((name, value) -> {
            var all = whole.get(name);
            if (all != null) {
                value.copyTo(part(all, part));
            }
        });
    }

    /** Sets all rows. */
    void putWhole(Map<String, HostTensor> tensors) {
        tensors.forEach((name, value) -> {
            var all = whole.get(name);
            if (all != null) {
                MemorySegment.copy(value.data(), 0, all.data(), 0, all.data().byteSize());
            }
        });
    }

    /** The rows of a micro-batch. */
    Map<String, HostTensor> get(int part) {
        var rows = new LinkedHashMap<String, HostTensor>();
        whole.forEach((name, all) -> rows.put(name, part(all, part)));
        return rows;
    }

    private HostTensor part(HostTensor all, int part) {
        var shape = new ArrayList<>(all.shape());
        shape.set(0, shape.getFirst() / parts);
        var bytes = all.data().byteSize() / parts;
        return new HostTensor(all.dtype(), shape, all.data().asSlice(part * bytes, bytes));
    }
}
