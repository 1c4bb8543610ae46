package org.clipc.runtime.collective.nccl;

import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** What CUDA promises of a stream: work that is started returns at once, and is done in that order, on a thread of its own. */
public final class MemoryStream implements AutoCloseable {

    private static final Map<Long, MemoryStream> STREAMS = new ConcurrentHashMap<>();
    private static final AtomicLong HANDLES = new AtomicLong();

    private final long handle = HANDLES.incrementAndGet();
    private final Duration delay;
    private final ExecutorService thread =
            Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().factory());
    private final AtomicInteger pending = new AtomicInteger();
    private volatile @Nullable Throwable failure;

    private MemoryStream(Duration delay) {
        this.delay = delay;
    }

    /** @param delay before each piece of work, so that those who do not wait for it come too early */
    public static MemoryStream open(Duration delay) {
        var stream = new MemoryStream(delay);
        STREAMS.put(stream.handle, stream);
        return stream;
    }

    public static MemoryStream of(long handle) {
        return Objects.requireNonNull(STREAMS.get(handle), "no such stream");
    }

    public long handle() {
        return handle;
    }

    public void start(Runnable work) {
        pending.incrementAndGet();
        thread.execute(() -> {
            LockSupport.parkNanos(delay.toNanos());
            try {
                if (failure == null) {
                    work.run();
                }
            } catch (RuntimeException | Error e) {
                failure = e;
            } finally {
                pending.decrementAndGet();
            }
        });
    }

    public boolean isDone() {
        requireSuccess();
        return pending.get() == 0;
    }

    /** Waits, for ever if need be, for all that was started. */
    public void await() {
        drain();
        requireSuccess();
    }

    /** As {@link #await}, whatever becomes of it. */
    public void drain() {
        var done = new Event();
        done.reach(this);
        waitFor(done.reached);
    }

    private void requireSuccess() {
        var thrown = failure;
        if (thrown != null) {
            throw new AssertionError("work on a stream failed: " + thrown, thrown);
        }
    }

    private static void waitFor(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError("CUDA is not interrupted", e);
        }
    }

    @Override
    public void close() {
        STREAMS.remove(handle);
        thread.shutdown();
    }

    /** A point that a stream gets to, as last recorded. */
    public static final class Event {

        private volatile CountDownLatch reached = new CountDownLatch(0);

        public void reach(MemoryStream stream) {
            var latch = new CountDownLatch(1);
            reached = latch;
            // Also behind what failed.
            stream.thread.execute(latch::countDown);
        }

        public void await(MemoryStream stream) {
            var latch = reached;
            stream.start(() -> waitFor(latch));
        }
    }
}
