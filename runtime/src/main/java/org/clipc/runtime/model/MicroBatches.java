package org.clipc.runtime.model;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.program.EntryPoint;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Runs an entry point that treats samples independently over a batch of any size: in micro-batches of the size it is
 * compiled for, the last one padded with zeros whose results are dropped.
 */
public final class MicroBatches {

    private MicroBatches() {}

    /**
     * @param inputs each with the batch as its first dimension
     * @return the entry point's outputs, each with the batch as its first dimension; copies
     * @throws DeviceException if the inputs are of different batch sizes or do not fit the entry point
     */
    public static Map<String, HostTensor> run(DeviceProgram program, String entry, Map<String, HostTensor> inputs) {
        var point = program.manifest().entry(entry);
        var samples = batchSize(point, inputs);
        var results = allocate(point, samples);
        for (var start = 0L; start < samples; start += point.batch()) {
            var count = Math.min(point.batch(), samples - start);
            var chunk = new LinkedHashMap<String, HostTensor>();
            for (var input : inputs.entrySet()) {
                chunk.put(input.getKey(), rows(input.getValue(), start, count, point.batch()));
            }
            for (var output : program.run(entry, chunk).entrySet()) {
                var to = results.get(output.getKey());
                if (to != null) {
                    var rowBytes = rowBytes(to);
                    MemorySegment.copy(output.getValue().data(), 0, to.data(), start * rowBytes, count * rowBytes);
                }
            }
        }
        return results;
    }

    private static long batchSize(EntryPoint point, Map<String, HostTensor> inputs) {
        var samples = -1L;
        for (var input : inputs.entrySet()) {
            var shape = input.getValue().shape();
            if (shape.isEmpty()) {
                throw new DeviceException("input '" + input.getKey() + "' of entry point '" + point.name()
                        + "' has no batch dimension: " + DeviceTensors.describe(input.getValue()));
            }
            if (samples >= 0 && samples != shape.getFirst()) {
                throw new DeviceException("the inputs of entry point '" + point.name()
                        + "' have different batch sizes, " + samples + " and " + shape.getFirst());
            }
            samples = shape.getFirst();
        }
        return Math.max(samples, 0);
    }

    private static Map<String, HostTensor> allocate(EntryPoint point, long samples) {
        var results = new LinkedHashMap<String, HostTensor>();
        for (var slot : point.outputs()) {
            var shape = new ArrayList<>(DeviceTensors.hostShape(slot.type().shape()));
            if (!shape.isEmpty() && shape.getFirst() == point.batch()) {
                shape.set(0, samples);
                var dtype = DeviceTensors.hostType(slot.type().dtype());
                results.put(slot.name(), HostTensor.allocate(Arena.ofAuto(), dtype, shape));
            }
        }
        return results;
    }

    /** Rows {@code start} to {@code start + count}, followed by rows of zeros up to {@code batch}. */
    private static HostTensor rows(HostTensor tensor, long start, long count, long batch) {
        var rowBytes = rowBytes(tensor);
        var bytes = tensor.data().asSlice(start * rowBytes, count * rowBytes);
        var shape = new ArrayList<>(tensor.shape());
        shape.set(0, batch);
        if (count < batch) {
            var padded = HostTensor.allocate(Arena.ofAuto(), tensor.dtype(), shape);
            MemorySegment.copy(bytes, 0, padded.data(), 0, bytes.byteSize());
            return padded;
        }
        return new HostTensor(tensor.dtype(), List.copyOf(shape), bytes);
    }

    private static long rowBytes(HostTensor tensor) {
        var shape = tensor.shape();
        return HostTensor.elementCount(shape.subList(1, shape.size()))
                * tensor.dtype().bytes();
    }
}
