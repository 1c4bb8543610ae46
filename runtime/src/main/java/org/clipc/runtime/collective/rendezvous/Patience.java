package org.clipc.runtime.collective.rendezvous;

import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Failure;
import org.jspecify.annotations.Nullable;

/** How long a rank goes on waiting for others in one collective, and what ends that early. One thread uses it. */
public final class Patience {

    /** How long what a rank sent before it left may still be on its way. */
    private static final Duration GRACE = Duration.ofSeconds(2);

    /** Before the end of the time, at most. */
    private static final Duration LAST_CALL = Duration.ofSeconds(2);

    private final Rendezvous rendezvous;
    private final CollectiveOptions options;
    private final int rank;
    private long deadline;

    /** @param rank in the world, the one that waits */
    public Patience(Rendezvous rendezvous, CollectiveOptions options, int rank) {
        this.rendezvous = rendezvous;
        this.options = options;
        this.rank = rank;
        begin();
    }

    /** The time begins anew. */
    public void begin() {
        deadline = System.nanoTime() + options.timeout().toNanos();
    }

    /** Whether it is time for a {@link RollCall}, for which there is some time left. */
    public boolean isAlmostOver() {
        var lastCall = Math.min(LAST_CALL.toNanos(), options.timeout().toNanos() / 4);
        return deadline - System.nanoTime() < lastCall;
    }

    /**
     * Whether it is in vain to wait on. If so, and nobody has said it before, all ranks are told.
     *
     * @param awaited ranks of the world that have not done their part yet
     * @param what is waited for
     */
    public @Nullable Failure failure(Supplier<List<Integer>> awaited, Supplier<String> what) {
        var failure = rendezvous.failure();
        if (failure != null) {
            return failure;
        }
        if (Thread.currentThread().isInterrupted()) {
            return fail("rank " + rank + " was interrupted in " + what.get(), List.of(rank));
        }
        var left = rendezvous.left();
        var gone = left.isEmpty()
                ? List.<Integer>of()
                : awaited.get().stream().filter(left::contains).toList();
        if (!gone.isEmpty()) {
            deadline = Math.min(deadline, System.nanoTime() + GRACE.toNanos());
        }
        if (System.nanoTime() < deadline) {
            return null;
        }
        if (!gone.isEmpty()) {
            return fail(CollectiveException.name(gone) + " left before " + what.get(), gone);
        }
        var late = awaited.get();
        var who = late.isEmpty() ? "not all" : CollectiveException.name(late);
        return fail("%s did not come to %s within %s".formatted(who, what.get(), options.timeoutText()), late);
    }

    private Failure fail(String reason, List<Integer> ranks) {
        return rendezvous.fail(new Failure(reason, ranks));
    }
}
