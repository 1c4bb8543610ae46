package org.clipc.runtime.device;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Runs a rank's exchanges one after the other, in the order in which they begin, beside the thread that runs its kernels.
 * That order is the program's, and so the same on all ranks.
 */
final class Background implements AutoCloseable {

    private final String name;
    private final List<CompletableFuture<Void>> open = new ArrayList<>();
    private @Nullable ExecutorService thread;

    /** @param name of the thread, which is started when it is first needed */
    Background(String name) {
        this.name = name;
    }

    CompletableFuture<Void> start(Runnable exchange) {
        if (thread == null) {
            thread = Executors.newSingleThreadExecutor(
                    Thread.ofPlatform().daemon().name(name).factory());
        }
        var begun = CompletableFuture.runAsync(exchange, thread);
        open.add(begun);
        return begun;
    }

    /**
     * Waits for one to end, however long its group lets it take, and whether this thread is interrupted or not: a rank
     * that must not wait aborts its world, which ends the exchange.
     *
     * @throws RuntimeException or Error: what it threw
     */
    void await(CompletableFuture<Void> begun) {
        open.removeIf(other -> other == begun);
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

    boolean isBusy() {
        return !open.isEmpty();
    }

    /** Waits for all to end, however they do. */
    void drain() {
        CompletableFuture.allOf(open.toArray(CompletableFuture[]::new))
                .handle((_, _) -> true)
                .join();
        open.clear();
    }

    /** Nothing may be under way. */
    @Override
    public void close() {
        if (thread != null) {
            thread.shutdown();
        }
    }
}
