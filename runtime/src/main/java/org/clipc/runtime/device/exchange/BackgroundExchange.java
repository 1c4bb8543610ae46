package org.clipc.runtime.device.exchange;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.clipc.program.CollectiveCall;
import org.clipc.runtime.device.CallTiming;
import org.jspecify.annotations.Nullable;

/** A collective of a program that goes on beside its kernels. */
public final class BackgroundExchange {

    private final Exchange exchange;
    private final Background background;
    private @Nullable CompletableFuture<Void> begun;
    private CallTiming timing = new CallTiming(0, 0, List.of());

    public BackgroundExchange(Exchange exchange, Background background) {
        this.exchange = exchange;
        this.background = background;
    }

    public CollectiveCall call() {
        return exchange.call();
    }

    /** Begins it, in a thread of its own, and returns. */
    public void start() {
        begun = background.start(this::run);
    }

    private void run() {
        var start = System.nanoTime();
        exchange.run();
        timing = new CallTiming(start, System.nanoTime() - start, List.of());
    }

    /** Waits for it to end, and tells when it ran. */
    public CallTiming await() {
        Background.await(Objects.requireNonNull(begun));
        return timing;
    }
}
