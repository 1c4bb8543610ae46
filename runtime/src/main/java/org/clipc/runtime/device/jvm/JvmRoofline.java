package org.clipc.runtime.device.jvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.DoubleSupplier;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.clipc.runtime.device.Roofline;
import org.clipc.runtime.device.program.OffHeap;

/**
 * Measures what the CPU can do on the threads of a pool: multiply-adds on registers alone, and the triad of McCalpin's
 * STREAM benchmark over memory that no cache holds. Either is the best of many short runs, some of which the JIT compiler
 * needs to warm up.
 */
final class JvmRoofline {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    /** Sums that are independent: two units of a latency of five cycles each have enough of them, and 16 registers hold them. */
    private static final int SUMS = 12;

    private static final int STEPS = 20_000;

    /** Runs of {@link #STEPS} per thread in one measurement. */
    private static final int ROUNDS = 16;

    private static final int TRIAD_UNITS = 64;

    /** Bytes of each of the triad's arrays: together they are larger than the caches of large processors. */
    private static final long TRIAD_BYTES = 128L << 20;

    private static final long LEAST_NANOS = 300_000_000;
    private static final int LEAST_RUNS = 12;

    /** However few runs that is: where C2 is off, vectors are objects, and a run takes seconds. */
    private static final long MOST_NANOS = 2_000_000_000;

    private final WorkerPool pool;

    /** Results that must not be optimised away. */
    private final AtomicReferenceArray<Float> kept;

    private JvmRoofline(WorkerPool pool) {
        this.pool = pool;
        this.kept = new AtomicReferenceArray<>(pool.threads());
    }

    /** Takes about a second, or a few, and {@code 3 · TRIAD_BYTES} of memory meanwhile. */
    static Roofline measure(WorkerPool pool) {
        var probe = new JvmRoofline(pool);
        try (var arena = Arena.ofShared()) {
            var memory = OffHeap.allocate(3 * TRIAD_BYTES, arena);
            return new Roofline(best(probe::flops), best(() -> probe.bytes(memory)));
        }
    }

    private static double best(DoubleSupplier measurement) {
        var best = 0.0;
        var start = System.nanoTime();
        var nanos = 0L;
        for (var runs = 0; nanos < LEAST_NANOS || (runs < LEAST_RUNS && nanos < MOST_NANOS); runs++) {
            best = Math.max(best, measurement.getAsDouble());
            nanos = System.nanoTime() - start;
        }
        return best;
    }

    private double flops() {
        var units = ROUNDS * pool.threads();
        var start = System.nanoTime();
        pool.run(units, (from, to, worker) -> {
            for (var unit = from; unit < to; unit++) {
                kept.set(worker, multiplyAdd(1 + unit * 1e-9f));
            }
        });
        var seconds = (System.nanoTime() - start) * 1e-9;
        return 2.0 * units * STEPS * SUMS * SPECIES.length() / seconds;
    }

    /** {@value #SUMS} chains of {@value #STEPS} multiply-adds, which stay in registers. */
    private static float multiplyAdd(float factor) {
        var x = FloatVector.broadcast(SPECIES, 0.999f * factor);
        var y = FloatVector.broadcast(SPECIES, 1e-3f);
        // Different, so that no compiler finds that one would do.
        var a = FloatVector.broadcast(SPECIES, factor);
        var b = a.add(x);
        var c = b.add(x);
        var d = c.add(x);
        var e = d.add(x);
        var f = e.add(x);
        var g = f.add(x);
        var h = g.add(x);
        var i = h.add(x);
        var j = i.add(x);
        var k = j.add(x);
        var l = k.add(x);
        for (var step = 0; step < STEPS; step++) {
            a = a.fma(x, y);
            b = b.fma(x, y);
            c = c.fma(x, y);
            d = d.fma(x, y);
            e = e.fma(x, y);
            f = f.fma(x, y);
            g = g.fma(x, y);
            h = h.fma(x, y);
            i = i.fma(x, y);
            j = j.fma(x, y);
            k = k.fma(x, y);
            l = l.fma(x, y);
        }
        var sum = a.add(b).add(c).add(d).add(e).add(f);
        return sum.add(g).add(h).add(i).add(j).add(k).add(l).lane(0);
    }

    private double bytes(MemorySegment memory) {
        var unit = TRIAD_BYTES / TRIAD_UNITS;
        var start = System.nanoTime();
        pool.run(TRIAD_UNITS, (from, to, _) -> {
            for (var u = from; u < to; u++) {
                triad(memory, u * unit, unit);
            }
        });
        var seconds = (System.nanoTime() - start) * 1e-9;
        return 3.0 * TRIAD_BYTES / seconds;
    }

    /** {@code a = b + s · c} for {@code count} bytes of each, {@code at} bytes behind their starts. */
    private static void triad(MemorySegment memory, long at, long count) {
        var scale = FloatVector.broadcast(SPECIES, 0.5f);
        var order = ByteOrder.nativeOrder();
        long step = SPECIES.vectorByteSize();
        for (var i = at; i < at + count; i += step) {
            var b = FloatVector.fromMemorySegment(SPECIES, memory, TRIAD_BYTES + i, order);
            var c = FloatVector.fromMemorySegment(SPECIES, memory, 2 * TRIAD_BYTES + i, order);
            c.fma(scale, b).intoMemorySegment(memory, i, order);
        }
    }
}
