package org.clipc.runtime.collective.mpi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * Messages under way. The thread that waits for them asks MPI again and again, at first without a pause and soon with
 * some: there may be more ranks than cores.
 */
final class MpiRequests {

    /** MPI counts in ints; messages of one sender keep their order. */
    private static final int LARGEST_MESSAGE = 1 << 30;

    private static final int SPINS_BEFORE_YIELD = 50;
    private static final int SPINS_BEFORE_PARK = 1000;
    private static final long PAUSE_NANOS = TimeUnit.MICROSECONDS.toNanos(50);

    private final MpiLibrary library;
    private final Arena arena = Arena.ofAuto();
    private long[] pending = new long[0];
    private int[] ranks = new int[0];
    private int count;

    MpiRequests(MpiLibrary library) {
        this.library = library;
    }

    void send(MemorySegment data, int rank, int tag) {
        for (var sent = 0L; sent < data.byteSize(); sent += LARGEST_MESSAGE) {
            var bytes = (int) Math.min(LARGEST_MESSAGE, data.byteSize() - sent);
            library.isend(data.address() + sent, bytes, rank, tag, begin(rank));
            count++;
        }
    }

    void receive(MemorySegment data, int rank, int tag) {
        for (var received = 0L; received < data.byteSize(); received += LARGEST_MESSAGE) {
            var bytes = (int) Math.min(LARGEST_MESSAGE, data.byteSize() - received);
            library.irecv(data.address() + received, bytes, rank, tag, begin(rank));
            count++;
        }
    }

    private long begin(int rank) {
        if (count == pending.length) {
            grow();
        }
        ranks[count] = rank;
        return pending[count];
    }

    /** Handles of requests that are under way must stay where they are. */
    private void grow() {
        var more = Math.max(16, 2 * pending.length);
        var added = arena.allocate(8L * (more - pending.length), 8);
        var from = pending.length;
        pending = Arrays.copyOf(pending, more);
        ranks = Arrays.copyOf(ranks, more);
        for (var i = from; i < more; i++) {
            pending[i] = added.address() + 8L * (i - from);
        }
    }

    /** @param check throws if waiting has become pointless; asked all the time */
    @SuppressWarnings("ThreadPriorityCheck") // the rank that it waits for may need this core
    void await(Runnable check) {
        for (var spins = 0; !test(); spins++) {
            check.run();
            if (spins < SPINS_BEFORE_YIELD) {
                Thread.onSpinWait();
            } else if (spins < SPINS_BEFORE_PARK) {
                Thread.yield();
            } else {
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    private boolean test() {
        for (var i = count - 1; i >= 0; i--) {
            if (library.test(pending[i])) {
                count--;
                var done = pending[i];
                pending[i] = pending[count];
                ranks[i] = ranks[count];
                pending[count] = done;
            }
        }
        return count == 0;
    }

    /** The ranks that the messages under way are from or to. */
    List<Integer> awaited() {
        return IntStream.of(Arrays.copyOf(ranks, count))
                .distinct()
                .sorted()
                .boxed()
                .toList();
    }
}
