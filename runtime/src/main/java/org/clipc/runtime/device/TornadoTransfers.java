package org.clipc.runtime.device;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.LongFunction;
import org.clipc.runtime.device.TornadoVm.DeviceArray;

/**
 * Copies parts of the array of floats that stays on a device from and to the host, by a smaller array that is copied whole:
 * the kernels {@code Upload} and {@code Download}, which every program for TornadoVM has, do the rest.
 */
final class TornadoTransfers {

    /** Floats that are copied at a time. */
    private static final int STAGED = 1 << 20;

    private static final int GROUP = 256;

    private final DeviceArray staged;
    private final DeviceArray range;
    private final TornadoGraph uploading;
    private final TornadoGraph downloading;

    /** @param memory gives host memory for so many floats or ints, as long as the array lives */
    TornadoTransfers(TornadoVm vm, TornadoKernels kernels, DeviceArray floats, LongFunction<MemorySegment> memory)
            throws IOException {
        staged = vm.floats(memory.apply(STAGED));
        range = vm.ints(memory.apply(2));
        var noInts = vm.ints(memory.apply(1));
        var groups = STAGED / GROUP;
        uploading = new TornadoGraph(vm)
                .upload(staged, range)
                .uploadOnce(noInts)
                .task(kernels.fixed("Upload"), groups, GROUP, floats, noInts, range, staged)
                .persist(floats);
        downloading = new TornadoGraph(vm)
                .consume(floats)
                .upload(range)
                .uploadOnce(noInts)
                .task(kernels.fixed("Download"), groups, GROUP, floats, noInts, range, staged)
                .persist(floats)
                .download(staged);
    }

    /** What the plan that is given to the methods must have; the first of them leaves the array on the device. */
    List<TornadoGraph> graphs() {
        return List.of(uploading, downloading);
    }

    /** Whole floats that hold so many bytes. */
    static long wholeFloats(long bytes) {
        return Math.ceilDiv(bytes, (long) Float.BYTES);
    }

    /**
     * Has a plan go on with what another left on the device, of which it has the graphs of transfers: runs the same one, which
     * waits for all before it, last in the one and first in the other.
     */
    void handOver(TornadoPlan from, TornadoPlan to) {
        copy(from, downloading, 0, 0);
        copy(to, downloading, 0, 0);
    }

    void clear(TornadoPlan plan, long fromByte, long count) {
        staged.host().fill((byte) 0);
        var end = (fromByte + count) / Float.BYTES;
        for (var at = fromByte / Float.BYTES; at < end; at += STAGED) {
            copy(plan, uploading, at, (int) Math.min(STAGED, end - at));
        }
    }

    /** Writes bytes; what the last float holds behind them may change. */
    void upload(TornadoPlan plan, long firstFloat, MemorySegment values) {
        var count = wholeFloats(values.byteSize());
        for (var done = 0L; done < count; done += STAGED) {
            var part = (int) Math.min(STAGED, count - done);
            copyFloats(values, done, staged.host(), 0, part);
            copy(plan, uploading, firstFloat + done, part);
        }
    }

    void download(TornadoPlan plan, long firstFloat, MemorySegment values) {
        var count = wholeFloats(values.byteSize());
        for (var done = 0L; done < count; done += STAGED) {
            var part = (int) Math.min(STAGED, count - done);
            copy(plan, downloading, firstFloat + done, part);
            copyFloats(staged.host(), 0, values, done, part);
        }
    }

    /** Sets the part of the array that {@code range} names. */
    private void copy(TornadoPlan plan, TornadoGraph graph, long firstFloat, int count) {
        range.host().setAtIndex(ValueLayout.JAVA_INT, 0, Math.toIntExact(firstFloat));
        range.host().setAtIndex(ValueLayout.JAVA_INT, 1, count);
        plan.run(graph);
    }

    /** As many floats, or what there is of the last one. */
    private static void copyFloats(MemorySegment from, long fromFloat, MemorySegment to, long toFloat, int count) {
        var source = from.asSlice(fromFloat * Float.BYTES);
        var place = to.asSlice(toFloat * Float.BYTES);
        var bytes = Math.min((long) count * Float.BYTES, Math.min(source.byteSize(), place.byteSize()));
        MemorySegment.copy(source, 0, place, 0, bytes);
    }
}
