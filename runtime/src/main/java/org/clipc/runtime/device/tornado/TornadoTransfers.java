package org.clipc.runtime.device.tornado;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.clipc.runtime.device.tornado.TornadoVm.DeviceArray;

/**
 * Copies parts of the array of floats that stays on a device from and to the host, by smaller arrays that are copied whole:
 * the kernels {@code Upload} and {@code Download}, which every program for TornadoVM has, do the rest.
 */
final class TornadoTransfers {

    /** Floats of the arrays that are copied: each time the smallest that will do, or the largest again and again. */
    private static final List<Integer> STAGES = List.of(1 << 10, 1 << 15, 1 << 20);

    private static final int GROUP = 256;

    private final TornadoVm vm;
    private final TornadoKernels kernels;
    private final DeviceArray floats;
    private final DeviceArray range;
    private final List<Stage> stages;

    /**
     * An array that is copied, and the graphs that do it.
     *
     * @param floats that it has
     */
    private record Stage(int floats, DeviceArray staged, TornadoGraph uploading, TornadoGraph downloading) {

        MemorySegment host() {
            return staged.host();
        }

        long bytes() {
            return (long) floats * Float.BYTES;
        }
    }

    /** @param memory gives host memory for so many floats or ints, as long as the array lives */
    TornadoTransfers(TornadoVm vm, TornadoKernels kernels, DeviceArray floats, LongFunction<MemorySegment> memory)
            throws IOException {
        this.vm = vm;
        this.kernels = kernels;
        this.floats = floats;
        this.range = vm.ints(memory.apply(2));
        var unused = vm.ints(memory.apply(1));
        var made = new ArrayList<Stage>();
        for (var size : STAGES) {
            var staged = vm.floats(memory.apply(size));
            var opens = size.equals(STAGES.getLast());
            var before = opens ? new TornadoGraph(vm) : new TornadoGraph(vm).consume(floats);
            var uploading = uploading(before.uploadOnce(unused), size, staged, unused);
            var downloading =
                    downloading(new TornadoGraph(vm).consume(floats).uploadOnce(unused), size, staged, unused);
            made.add(new Stage(size, staged, uploading.persist(floats), downloading.persist(floats)));
        }
        stages = List.copyOf(made);
    }

    /** @param ints that the graphs of {@code outside} leave on the device too */
    private TornadoTransfers(TornadoTransfers outside, DeviceArray ints) throws IOException {
        vm = outside.vm;
        kernels = outside.kernels;
        floats = outside.floats;
        range = outside.range;
        var made = new ArrayList<Stage>();
        for (var stage : outside.stages) {
            var uploading = uploading(new TornadoGraph(vm).consume(floats, ints), stage.floats(), stage.staged(), ints);
            var downloading =
                    downloading(new TornadoGraph(vm).consume(floats, ints), stage.floats(), stage.staged(), ints);
            made.add(new Stage(
                    stage.floats(),
                    stage.staged(),
                    uploading.persist(floats, ints),
                    downloading.persist(floats, ints)));
        }
        stages = List.copyOf(made);
    }

    /**
     * The same for use between graphs that hand on an array of ints besides that of floats. They share their arrays on the
     * host, so not more than one may be in use at a time.
     */
    TornadoTransfers between(DeviceArray ints) throws IOException {
        return new TornadoTransfers(this, ints);
    }

    private TornadoGraph uploading(TornadoGraph graph, int size, DeviceArray staged, DeviceArray ints)
            throws IOException {
        return graph.upload(staged, range)
                .task(kernels.fixed("Upload"), size / GROUP, GROUP, floats, ints, range, staged);
    }

    private TornadoGraph downloading(TornadoGraph graph, int size, DeviceArray staged, DeviceArray ints)
            throws IOException {
        return graph.upload(range)
                .task(kernels.fixed("Download"), size / GROUP, GROUP, floats, ints, range, staged)
                .download(staged);
    }

    /** What the plan that is given to the methods must have. */
    List<TornadoGraph> graphs() {
        return stages.stream()
                .flatMap(stage -> Stream.of(stage.uploading(), stage.downloading()))
                .toList();
    }

    /** Makes the array on the device, whose elements are anything then: before all else that the plan runs. */
    void open(TornadoPlan plan) {
        copy(plan, stages.getLast().uploading(), 0, 0);
    }

    /**
     * Has a plan go on with what another left on the device, of which it has the graphs of transfers: runs the same one, which
     * waits for all before it, last in the one and first in the other.
     */
    void handOver(TornadoPlan from, TornadoPlan to) {
        var downloading = stages.getFirst().downloading();
        copy(from, downloading, 0, 0);
        copy(to, downloading, 0, 0);
    }

    /** @param fromByte a multiple of 4, as is {@code count} */
    void clear(TornadoPlan plan, long fromByte, long count) {
        var end = (fromByte + count) / Float.BYTES;
        for (var at = fromByte / Float.BYTES; at < end; ) {
            var stage = stage(end - at);
            var part = (int) Math.min(stage.floats(), end - at);
            stage.host().asSlice(0, (long) part * Float.BYTES).fill((byte) 0);
            copy(plan, stage.uploading(), at, part);
            at += part;
        }
    }

    /** Copies bytes of the array, from any one on. */
    void read(TornadoPlan plan, long fromByte, MemorySegment values) {
        for (var done = 0L; done < values.byteSize(); ) {
            var before = (fromByte + done) % Float.BYTES;
            var stage = stage(wholeFloats(before + values.byteSize() - done));
            var part = Math.min(stage.bytes() - before, values.byteSize() - done);
            copy(plan, stage.downloading(), (fromByte + done) / Float.BYTES, (int) wholeFloats(before + part));
            MemorySegment.copy(stage.host(), before, values, done, part);
            done += part;
        }
    }

    /** Sets bytes of the array, from any one on; what else the first and the last float hold stays. */
    void write(TornadoPlan plan, long toByte, MemorySegment values) {
        for (var done = 0L; done < values.byteSize(); ) {
            var first = (toByte + done) / Float.BYTES;
            var before = (toByte + done) % Float.BYTES;
            var stage = stage(wholeFloats(before + values.byteSize() - done));
            var part = Math.min(stage.bytes() - before, values.byteSize() - done);
            var count = (int) wholeFloats(before + part);
            var bits = MemorySegment.ofArray(new int[2]);
            if (before > 0) {
                read(plan, first * Float.BYTES, bits.asSlice(0, Float.BYTES));
            }
            if (before + part < (long) count * Float.BYTES) {
                read(plan, (first + count - 1) * Float.BYTES, bits.asSlice(Float.BYTES));
            }
            stage.host().setAtIndex(ValueLayout.JAVA_INT, count - 1, bits.getAtIndex(ValueLayout.JAVA_INT, 1));
            if (before > 0) {
                stage.host().setAtIndex(ValueLayout.JAVA_INT, 0, bits.getAtIndex(ValueLayout.JAVA_INT, 0));
            }
            MemorySegment.copy(values, done, stage.host(), before, part);
            copy(plan, stage.uploading(), first, count);
            done += part;
        }
    }

    private Stage stage(long count) {
        return stages.stream().filter(s -> s.floats() >= count).findFirst().orElse(stages.getLast());
    }

    private static long wholeFloats(long bytes) {
        return Math.ceilDiv(bytes, (long) Float.BYTES);
    }

    /** Copies the part of the array that {@code range} names. */
    private void copy(TornadoPlan plan, TornadoGraph graph, long firstFloat, int count) {
        range.host().setAtIndex(ValueLayout.JAVA_INT, 0, Math.toIntExact(firstFloat));
        range.host().setAtIndex(ValueLayout.JAVA_INT, 1, count);
        plan.run(graph);
    }
}
