package org.clipc.runtime.device.tornado;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.Roofline;
import org.clipc.runtime.device.tornado.TornadoVm.DeviceArray;

/**
 * Measures what a device of TornadoVM can do, by two kernels that every program for it has: {@code ProbeFlops} and, from one
 * array to another, {@code Download}. Arithmetic is what TornadoVM makes of products and sums in f32.
 */
final class TornadoRoofline {

    /** Operations of an item of {@code ProbeFlops} in a step. */
    private static final double FLOPS = 192;

    private static final int GROUP = 256;
    private static final int ITEMS = 1 << 20;

    /** Floats that are copied: more than caches hold. */
    private static final int COPIED = 1 << 26;

    /** How long a measurement of arithmetic takes at least. */
    private static final long LEAST_NANOS = 20_000_000;

    private static final int MOST_STEPS = 1 << 24;
    private static final int RUNS = 3;

    private final DeviceArray range;
    private final DeviceArray ints;
    private final DeviceArray unused;
    private final DeviceArray from;
    private final DeviceArray to;

    private TornadoRoofline(TornadoVm vm, LongFunction<MemorySegment> memory) {
        this.range = vm.ints(memory.apply(2));
        this.ints = vm.ints(memory.apply(1));
        this.unused = vm.floats(memory.apply(1));
        this.from = vm.floats(memory.apply(COPIED));
        this.to = vm.floats(memory.apply(COPIED));
    }

    /**
     * @param flops the kernel {@code ProbeFlops}
     * @param copy the kernel {@code Download}
     * @param memory gives the host's part of an array of so many elements
     * @throws DeviceException if the device does not tell how long kernels take
     */
    static Roofline measure(
            TornadoVm vm, TornadoVm.DeviceInfo device, Object flops, Object copy, LongFunction<MemorySegment> memory) {
        var probe = new TornadoRoofline(vm, memory);
        var computing = new TornadoGraph(vm)
                .upload(probe.range)
                .uploadOnce(probe.ints, probe.unused)
                .task(flops, ITEMS / GROUP, GROUP, probe.to, probe.ints, probe.range, probe.unused)
                .persist(probe.to);
        var copying = new TornadoGraph(vm)
                .upload(probe.range)
                .uploadOnce(probe.ints, probe.from)
                .task(copy, COPIED / GROUP, GROUP, probe.from, probe.ints, probe.range, probe.to)
                .persist(probe.to);
        try (var plan = new TornadoPlan(vm, List.of(computing, copying), device)) {
            return new Roofline(probe.flops(plan, computing), probe.bytes(plan, copying));
        }
    }

    private double flops(TornadoPlan plan, TornadoGraph graph) {
        var steps = 16;
        while (nanos(plan, graph, steps, ITEMS) < LEAST_NANOS && steps < MOST_STEPS) {
            steps *= 2;
        }
        var count = steps;
        return FLOPS * ITEMS * steps / least(() -> nanos(plan, graph, count, ITEMS)) * 1e9;
    }

    private double bytes(TornadoPlan plan, TornadoGraph graph) {
        return 2.0 * Float.BYTES * COPIED / least(() -> nanos(plan, graph, 0, COPIED)) * 1e9;
    }

    private static double least(LongSupplier nanos) {
        var least = nanos.getAsLong();
        for (var run = 1; run < RUNS; run++) {
            least = Math.min(least, nanos.getAsLong());
        }
        return least;
    }

    private long nanos(TornadoPlan plan, TornadoGraph graph, int first, int second) {
        range.host().setAtIndex(ValueLayout.JAVA_INT, 0, first);
        range.host().setAtIndex(ValueLayout.JAVA_INT, 1, second);
        var nanos =
                Objects.requireNonNullElse(plan.profile(graph).get(graph.tasks().getFirst()), 0L);
        if (nanos <= 0) {
            throw new DeviceException("this device does not tell how long its kernels take");
        }
        return nanos;
    }
}
