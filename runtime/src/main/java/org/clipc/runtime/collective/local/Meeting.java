package org.clipc.runtime.collective.local;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.clipc.runtime.collective.Call;
import org.jspecify.annotations.Nullable;

/**
 * Where the members of a group wait for each other. What one wrote before it arrived, the others see when they go on.
 *
 * <p>A member that waits parks soon: ranks have worker pools of their own, so that there are often more threads than
 * cores, and one that spins may hold up the one that it waits for.
 */
final class Meeting {

    private static final int SPINS_BEFORE_PARK = 100;

    private final Call[] calls;
    private final AtomicLongArray arrivals;
    private final AtomicReferenceArray<@Nullable Thread> waiting;

    Meeting(int members) {
        calls = new Call[2 * members];
        arrivals = new AtomicLongArray(members);
        waiting = new AtomicReferenceArray<>(members);
    }

    /** Says what a member wants done, before it arrives. */
    void propose(int member, Call call) {
        calls[slot(member, call.number())] = call;
    }

    /** What a member wants done as the group's call of this number; to be asked after all have arrived for it. */
    Call proposal(int member, long number) {
        return calls[slot(member, number)];
    }

    /** Who goes on from a barrier may propose its next while others still look at this one, but no further. */
    private int slot(int member, long number) {
        return 2 * member + (int) (number & 1);
    }

    /**
     * Waits for all members to arrive as many times as this one has.
     *
     * @param deadline by {@link System#nanoTime}
     * @param inVain whether to give up; asked whenever this thread wakes
     * @return whether all have arrived
     */
    boolean arrive(int member, long deadline, BooleanSupplier inVain) {
        var times = arrivals.incrementAndGet(member);
        if (allArrived(times)) {
            wake();
            return true;
        }
        for (var i = 0; i < SPINS_BEFORE_PARK; i++) {
            if (allArrived(times)) {
                return true;
            }
            Thread.onSpinWait();
        }
        waiting.set(member, Thread.currentThread());
        try {
            return park(times, deadline, inVain);
        } finally {
            waiting.set(member, null);
        }
    }

    private boolean park(long times, long deadline, BooleanSupplier inVain) {
        while (!allArrived(times)) {
            var left = deadline - System.nanoTime();
            if (left <= 0 || Thread.currentThread().isInterrupted() || inVain.getAsBoolean()) {
                // Those who came between the two questions have come.
                return allArrived(times);
            }
            LockSupport.parkNanos(this, left);
        }
        return true;
    }

    private boolean allArrived(long times) {
        for (var i = 0; i < arrivals.length(); i++) {
            if (arrivals.get(i) < times) {
                return false;
            }
        }
        return true;
    }

    /** Members that have arrived less often than this one. */
    List<Integer> missing(int member) {
        var times = arrivals.get(member);
        var missing = new ArrayList<Integer>();
        for (var i = 0; i < arrivals.length(); i++) {
            if (arrivals.get(i) < times) {
                missing.add(i);
            }
        }
        return missing;
    }

    /** Makes those that are parked look around. */
    void wake() {
        for (var i = 0; i < waiting.length(); i++) {
            LockSupport.unpark(waiting.get(i));
        }
    }
}
