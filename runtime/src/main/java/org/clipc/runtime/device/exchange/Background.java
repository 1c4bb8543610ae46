package org.clipc.runtime.device.exchange;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.clipc.runtime.device.MeshRank;
import org.jspecify.annotations.Nullable;

/**
 * Runs a rank's exchanges one after the other, in the order in which they begin, beside the thread that runs its kernels.
 * That order is the program's, and so the same on all ranks.
 */
public final class Background implements AutoCloseable {

    private final String name;
    private @Nullable ExecutorService thread;

    /** The one that began last, and ends last. */
    private CompletableFuture<Void> last = CompletableFuture.completedFuture(null);

    /** @param name of the thread, which is started when it is first needed */
    public Background(String name) {
        this.name = name;
    }

    CompletableFuture<Void> start(Runnable exchange) {
        if (thread == null) {
            thread = Executors.newSingleThreadExecutor(
                    Thread.ofPlatform().daemon().name(name).factory());
        }
        last = CompletableFuture.runAsync(exchange, thread);
        return last;
    }

    /**
     * Waits for one to end, however long its group lets it take, and whether this thread is interrupted or not: a rank
     * that must not wait aborts its world, which ends the exchange.
     *
     * @throws RuntimeException or Error: what it threw
     */
    static void await(CompletableFuture<Void> begun) {
        try {
            begun.join();
        } catch (CompletionException e) {
            switch (e.getCause()) {
                case RuntimeException cause -> throw cause;
                case Error cause -> throw cause;
                case null, default -> throw e;
            }
        }
    }

    /**
     * Runs what begins exchanges and awaits them. They have ended when it returns, also by throwing: the memory that they
     * use may be freed then.
     */
    public void around(MeshRank rank, Runnable calls) {
        try {
            calls.run();
        } catch (RuntimeException | Error e) {
            if (!last.isDone()) {
                // The others would wait for this rank, and it for them.
                rank.abort("it failed with " + e);
                last.handle((_, _) -> true).join();
            }
            throw e;
        }
    }

    /** Nothing may be under way. */
    @Override
    public void close() {
        if (thread != null) {
            thread.shutdown();
        }
    }
}
