package org.clipc.runtime.device.jvm;

import java.util.ArrayList;
import java.util.List;
import org.clipc.runtime.device.CallTiming;

/** Runs work, and notes when each thread of the pool was at it. */
final class PartTimes implements WorkerPool.Work {

    private final WorkerPool.Work work;
    private final long[] starts;
    private final long[] ends;
    private final int[] units;

    PartTimes(WorkerPool.Work work, int threads) {
        this.work = work;
        this.starts = new long[threads];
        this.ends = new long[threads];
        this.units = new int[threads];
    }

    @Override
    public void run(int from, int to, int worker) {
        if (units[worker] == 0) {
            starts[worker] = System.nanoTime();
        }
        work.run(from, to, worker);
        ends[worker] = System.nanoTime();
        units[worker] += to - from;
    }

    /** Of the threads that did something, once all is done. */
    List<CallTiming.Part> parts() {
        var parts = new ArrayList<CallTiming.Part>();
        for (var worker = 0; worker < units.length; worker++) {
            if (units[worker] > 0) {
                parts.add(new CallTiming.Part(worker, starts[worker], ends[worker] - starts[worker], units[worker]));
            }
        }
        return parts;
    }
}
