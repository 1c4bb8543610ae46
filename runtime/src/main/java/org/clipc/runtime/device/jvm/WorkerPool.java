package org.clipc.runtime.device.jvm;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Threads that share the units of one parallel region after another. A region costs a fraction of a microsecond, since
 * idle workers spin for a while before they park; that is why a pool must not have more threads than cores it may use.
 *
 * <p>Units are handed out in contiguous chunks that shrink towards the end (guided self-scheduling), so that a worker
 * keeps what it prepared for a run of units and the region still ends evenly when a core is slow or taken away. A region
 * ends when its units are done; a worker that wakes too late finds none left and holds nobody up.
 */
public final class WorkerPool implements AutoCloseable {

    /** The work of a region. */
    @FunctionalInterface
    public interface Work {

        /**
         * Runs the units {@code from} (included) to {@code to} (excluded).
         *
         * @param worker which of the pool's threads this is, 0 for the caller: at most one call per worker at a time
         */
        void run(int from, int to, int worker);
    }

    /** Idle iterations before a worker parks: some 100 µs, longer than the gaps between a program's calls. */
    private static final int SPINS_BEFORE_PARK = 4000;

    /** Iterations that the caller waits for the last units before it offers its core to a worker that lost its own. */
    private static final int SPINS_BEFORE_YIELD = 20_000;

    private final Worker[] workers;
    private final Object callers = new Object();
    private volatile @Nullable Region current;
    private volatile boolean closed;

    /** @param threads that take part, the caller's included; at least 1 and no more than the cores this process may use */
    public WorkerPool(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("a worker pool needs at least 1 thread, not " + threads);
        }
        workers = new Worker[threads - 1];
        for (var i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].start();
        }
    }

    public int threads() {
        return workers.length + 1;
    }

    /**
     * Runs all units of {@code work} and returns when every one is done. What the units wrote is visible to the caller,
     * and to the units of the next region. Not to be called from within a unit.
     *
     * @throws RuntimeException or Error: the first that a unit threw, once all have ended
     */
    public void run(int units, Work work) {
        if (units <= 0) {
            return;
        }
        if (units == 1 || workers.length == 0) {
            work.run(0, units, 0);
            return;
        }
        synchronized (callers) {
            if (closed) {
                throw new IllegalStateException("the worker pool is closed");
            }
            var region = new Region(work, units, threads());
            current = region;
            for (var i = 0; i < Math.min(workers.length, units - 1); i++) {
                workers[i].wake();
            }
            region.takePart(0);
            region.await();
            region.rethrow();
        }
    }

    /** Ends the threads. Regions must have ended. */
    @Override
    public void close() {
        synchronized (callers) {
            closed = true;
        }
        for (var worker : workers) {
            worker.wake();
        }
        var interrupted = false;
        for (var worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static final class Region {

        private final Work work;
        private final int units;
        private final int threads;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

        Region(Work work, int units, int threads) {
            this.work = work;
            this.units = units;
            this.threads = threads;
        }

        void takePart(int worker) {
            var from = next.get();
            while (from < units) {
                var to = from + Math.max(1, (units - from) / (2 * threads));
                if (next.compareAndSet(from, to)) {
                    runChunk(from, to, worker);
                }
                from = next.get();
            }
        }

        @SuppressWarnings("CatchingUnchecked") // handed to the caller, whatever it is
        private void runChunk(int from, int to, int worker) {
            try {
                work.run(from, to, worker);
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
            } finally {
                done.addAndGet(to - from);
            }
        }

        @SuppressWarnings("ThreadPriorityCheck") // the workers it waits for may need this core
        void await() {
            for (var spins = 0; done.get() < units; spins++) {
                if (spins < SPINS_BEFORE_YIELD) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
            }
        }

        void rethrow() {
            switch (failure.get()) {
                case null -> {}
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                case Throwable e -> throw new IllegalStateException(e);
            }
        }
    }

    private final class Worker extends Thread {

        private final int index;
        private volatile boolean parked;

        Worker(int index) {
            super("clipc-worker-" + index);
            this.index = index;
            setDaemon(true);
        }

        /** To be called after what this worker should see has been published. */
        void wake() {
            if (parked) {
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            Region last = null;
            while (true) {
                var region = awaitOther(last);
                if (region == null) {
                    return;
                }
                region.takePart(index);
                last = region;
            }
        }

        /** The current region once it is another than {@code last}; null when the pool closes. */
        private @Nullable Region awaitOther(@Nullable Region last) {
            for (var spins = 0; !closed; spins++) {
                var region = current;
                if (region != last) {
                    return region;
                }
                if (spins < SPINS_BEFORE_PARK) {
                    Thread.onSpinWait();
                } else {
                    parkWhile(last);
                    spins = 0;
                }
            }
            return null;
        }

        private void parkWhile(@Nullable Region last) {
            parked = true;
            while (current == last && !closed) {
                LockSupport.park(WorkerPool.this);
            }
            parked = false;
        }
    }
}
