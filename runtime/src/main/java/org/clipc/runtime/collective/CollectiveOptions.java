package org.clipc.runtime.collective;

import java.time.Duration;

/**
 * How patient a rank is, and how much memory of its own it may use.
 *
 * @param timeout how long a member waits for the others in one collective before it gives up; at least a millisecond
 * @param scratchBytes how much memory a reduction over processes may use for what it receives, per group; larger tensors
 *     are reduced in parts
 */
public record CollectiveOptions(Duration timeout, int scratchBytes) {

    private static final int LEAST_SCRATCH = 1 << 10;

    /** Longer than any member may reasonably be busy elsewhere, such as with writing a checkpoint. */
    public static final CollectiveOptions DEFAULT = new CollectiveOptions(Duration.ofMinutes(5), 16 << 20);

    public CollectiveOptions {
        if (timeout.toMillis() < 1) {
            throw new IllegalArgumentException("ranks cannot wait for each other for " + timeout + ", at least 1 ms");
        }
        if (scratchBytes < LEAST_SCRATCH) {
            throw new IllegalArgumentException(
                    "reductions need at least " + LEAST_SCRATCH + " bytes of scratch, not " + scratchBytes);
        }
    }

    /** For messages, such as {@code 300 s}. */
    public String timeoutText() {
        return timeout.toMillis() % 1000 == 0 ? timeout.toSeconds() + " s" : timeout.toMillis() + " ms";
    }

    public CollectiveOptions withTimeout(Duration other) {
        return new CollectiveOptions(other, scratchBytes);
    }
}
