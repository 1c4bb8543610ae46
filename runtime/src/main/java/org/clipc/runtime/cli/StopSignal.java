package org.clipc.runtime.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Notices that the user or the system asks the process to end (Ctrl-C, SIGTERM), keeps it alive until the work at hand
 * is brought to a good end, and then ends it with exit code 0.
 */
final class StopSignal implements AutoCloseable {

    /** For whoever an error comes to after this is closed: it has to be said before the process ends. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(1);

    private final CountDownLatch ended = new CountDownLatch(1);
    private final Thread hook = new Thread(this::shutDown, "clip-run-stop");
    private volatile boolean requested;
    private volatile int exitCode = 1;

    StopSignal() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    boolean isRequested() {
        return requested;
    }

    private void shutDown() {
        requested = true;
        try {
            ended.await();
            if (exitCode != 0) {
                TimeUnit.NANOSECONDS.sleep(LAST_WORDS.toNanos());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // The virtual machine would exit with the signal's number.
        Runtime.getRuntime().halt(exitCode);
    }

    /** The work came to a good end. */
    void succeeded() {
        exitCode = 0;
    }

    /** The work is over. */
    @Override
    public void close() {
        if (!requested) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // The signal has just come; the hook ends the process now.
            }
        }
        ended.countDown();
    }
}
