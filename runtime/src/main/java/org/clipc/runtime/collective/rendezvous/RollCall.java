package org.clipc.runtime.collective.rendezvous;

import java.util.List;
import java.util.function.Supplier;

/**
 * Which ranks say that they wait for others, so that nobody takes these for those that are late: a process that is halted in
 * the middle of sending may keep the messages of others from arriving, as in Open MPI's queues in shared memory. One thread
 * uses it.
 */
public final class RollCall {

    private static final String NOT = "";

    private final Rendezvous rendezvous;
    private final int rank;
    private boolean waits;

    /** @param rank in the world, the one that waits */
    public RollCall(Rendezvous rendezvous, int rank) {
        this.rendezvous = rendezvous;
        this.rank = rank;
    }

    /**
     * Says that this rank waits, unless it has said so.
     *
     * @param what it waits in; asked once, since this may be called all the time
     */
    public void waitsIn(Supplier<String> what) {
        if (!waits) {
            waits = true;
            rendezvous.put(note(rank), what.get());
        }
    }

    /** Says that this rank waits no more, if it had said that it does. */
    public void goesOn() {
        if (waits) {
            waits = false;
            rendezvous.put(note(rank), NOT);
        }
    }

    /** Those of some ranks that nothing has come from who do not say that they wait; all of them if all say so. */
    public List<Integer> late(List<Integer> silent) {
        var late = silent.stream().filter(other -> !waits(other)).toList();
        return late.isEmpty() ? silent : late;
    }

    private boolean waits(int other) {
        var note = rendezvous.peek(note(other));
        return note != null && !note.equals(NOT);
    }

    private static String note(int rank) {
        return "what rank " + rank + " waits in";
    }
}
