package org.clipc.runtime.device.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerPoolTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void runsEveryUnitOnce(int threads) {
        try (var pool = new WorkerPool(threads)) {
            for (var units : new int[] {0, 1, 2, 3, 7, 64, 1000}) {
                var runs = new AtomicIntegerArray(units);
                pool.run(units, (from, to, worker) -> {
                    for (var i = from; i < to; i++) {
                        runs.incrementAndGet(i);
                    }
                });
                for (var i = 0; i < units; i++) {
                    assertThat(runs.get(i)).as("unit %s of %s", i, units).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void oneCallPerWorkerAtATime() {
        try (var pool = new WorkerPool(4)) {
            var active = new AtomicIntegerArray(4);
            var clashes = new AtomicInteger();
            for (var round = 0; round < 200; round++) {
                pool.run(50, (from, to, worker) -> {
                    if (active.getAndSet(worker, 1) != 0) {
                        clashes.incrementAndGet();
                    }
                    Thread.onSpinWait();
                    active.set(worker, 0);
                });
            }
            assertThat(clashes).hasValue(0);
        }
    }

    @Test
    void writesOfOneRegionAreSeenByTheNext() {
        try (var pool = new WorkerPool(2)) {
            var data = new int[4096];
            for (var round = 1; round <= 2000; round++) {
                var expected = round - 1;
                pool.run(64, (from, to, worker) -> {
                    for (var unit = from; unit < to; unit++) {
                        // Another worker wrote this block in the round before, as often as not.
                        var block = (unit * 7 + expected) % 64;
                        for (var i = block * 64; i < block * 64 + 64; i++) {
                            if (data[i] != expected) {
                                throw new AssertionError("stale value " + data[i] + " in round " + expected);
                            }
                            data[i]++;
                        }
                    }
                });
            }
            assertThat(data).containsOnly(2000);
        }
    }

    @Test
    void workersThatParkedComeBack() {
        try (var pool = new WorkerPool(2)) {
            for (var round = 0; round < 5; round++) {
                LockSupport.parkNanos(20_000_000);
                var workers = new AtomicIntegerArray(2);
                // Neither unit ends before the other has begun: needs both threads.
                pool.run(2, (from, to, worker) -> {
                    workers.set(worker, 1);
                    while (workers.get(0) + workers.get(1) < 2) {
                        Thread.onSpinWait();
                    }
                });
                assertThat(workers.get(1)).isEqualTo(1);
            }
        }
    }

    @Test
    void handsOnWhatAUnitThrows() {
        try (var pool = new WorkerPool(2)) {
            assertThatThrownBy(() -> pool.run(10, (from, to, worker) -> {
                        if (from <= 7 && 7 < to) {
                            throw new IllegalArgumentException("unit 7");
                        }
                    }))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("unit 7");
            var count = new AtomicInteger();
            pool.run(10, (from, to, worker) -> count.addAndGet(to - from));
            assertThat(count).hasValue(10);
        }
    }

    @Test
    void refusesWorkOnceClosed() {
        var pool = new WorkerPool(2);
        pool.close();
        assertThatThrownBy(() -> pool.run(2, (from, to, worker) -> {})).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void needsAThread() {
        assertThatThrownBy(() -> new WorkerPool(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
