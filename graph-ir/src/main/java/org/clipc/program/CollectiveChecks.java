package org.clipc.program;

import java.util.BitSet;
import java.util.List;

/** Whether a collective of a schedule stays within the arena and means something. */
final class CollectiveChecks {

    private CollectiveChecks() {}

    /**
     * @param ints size of the schedule's arena of ints; 0 for none
     * @throws InvalidMemberException saying what does not fit
     */
    static void check(List<Call> calls, Manifest manifest, int ints) throws InvalidMemberException {
        for (var call : calls) {
            if (call instanceof CollectiveCall collective) {
                check(collective, manifest, ints);
            }
        }
        checkAwaits(calls);
    }

    private static void check(CollectiveCall call, Manifest manifest, int ints) throws InvalidMemberException {
        var inInts = ints > 0 && !call.dtype().isFloat();
        var ranks = manifest.mesh().size(call.axis());
        if (call.tensors().isEmpty()) {
            throw new InvalidMemberException("has a collective of nothing");
        }
        for (var tensor : call.tensors()) {
            check(call, tensor, ranks, inInts ? (long) ints * Integer.BYTES : manifest.arenaBytes());
        }
    }

    /** @throws InvalidMemberException if a call awaits what is not under way by then */
    private static void checkAwaits(List<Call> calls) throws InvalidMemberException {
        var awaited = new BitSet();
        for (var i = 0; i < calls.size(); i++) {
            if (calls.get(i) instanceof AwaitCall(var started, var _)) {
                if (started >= i || !(calls.get(started) instanceof CollectiveCall) || awaited.get(started)) {
                    throw new InvalidMemberException(
                            "awaits call " + started + ", which is no collective that is under way by then");
                }
                awaited.set(started);
            }
        }
    }

    private static void check(CollectiveCall call, CollectiveCall.Exchanged tensor, int ranks, long arena)
            throws InvalidMemberException {
        var width = call.dtype().bytes();
        if (call.kind() == CollectiveCall.Kind.REDUCE_SCATTER && tensor.elements() % ranks != 0) {
            throw new InvalidMemberException(
                    "scatters " + tensor.elements() + " elements over " + ranks + " ranks, which does not divide them");
        }
        // Elements are at most bytes of an arena, below 2^58, and ranks fewer than 2^16.
        var received = Math.multiplyHigh(tensor.elements(), ranks) != 0 ? Long.MAX_VALUE : call.received(tensor, ranks);
        inside(call, tensor.from(), tensor.elements(), width, arena);
        inside(call, tensor.to(), received, width, arena);
        var apart = tensor.from() + tensor.elements() * width <= tensor.to()
                || tensor.to() + received * width <= tensor.from();
        var inPlace = call.kind() == CollectiveCall.Kind.ALL_REDUCE && tensor.from() == tensor.to();
        if (!apart && !inPlace) {
            throw new InvalidMemberException(
                    "gives and gets the same bytes, from " + tensor.from() + " on, in a collective");
        }
    }

    private static void inside(CollectiveCall call, long offset, long elements, int width, long arena)
            throws InvalidMemberException {
        if (offset % width != 0 || offset > arena || elements < 0 || elements > (arena - offset) / width) {
            throw new InvalidMemberException(
                    "exchanges %d elements of %s at byte %d, outside of the arena or across its elements"
                            .formatted(elements, call.dtype().text(), offset));
        }
    }
}
