package org.clipc.runtime.device;

import java.util.List;

/**
 * When a kernel call ran.
 *
 * @param start by the clock of {@link System#nanoTime}
 * @param nanos until all of it was done
 * @param parts by the threads that took part; empty where the device does not tell
 */
public record CallTiming(long start, long nanos, List<Part> parts) {

    /**
     * What one thread did.
     *
     * @param worker which thread, from 0 on
     * @param start of its first unit
     * @param nanos from there to the end of its last unit
     */
    public record Part(int worker, long start, long nanos, int units) {}

    public CallTiming {
        parts = List.copyOf(parts);
    }
}
