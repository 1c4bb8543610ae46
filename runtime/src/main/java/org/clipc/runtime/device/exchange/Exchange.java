package org.clipc.runtime.device.exchange;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.ir.ReduceFn;
import org.clipc.program.CollectiveCall;
import org.clipc.runtime.collective.Group;
import org.clipc.runtime.collective.Reduction;

/** A collective of a program, in memory that this process has. */
public final class Exchange {

    /**
     * A tensor's memory.
     *
     * @param from what the rank gives
     * @param to what it gets; the same as {@code from} where an all-reduce leaves it there
     */
    public record Ends(MemorySegment from, MemorySegment to) {}

    private final CollectiveCall call;
    private final Group group;
    private final List<Ends> tensors;

    /** @param tensors where the call's tensors lie, in its order */
    public Exchange(CollectiveCall call, Group group, List<Ends> tensors) {
        this.call = call;
        this.group = group;
        this.tensors = List.copyOf(tensors);
    }

    /** A collective of tensors that lie where the call says. */
    public static Exchange in(MemorySegment arena, CollectiveCall call, Group group) {
        return new Exchange(
                call,
                group,
                IntStream.range(0, call.tensors().size())
                        .mapToObj(i -> new Ends(
                                arena.asSlice(call.tensors().get(i).from(), given(call, i)),
                                arena.asSlice(call.tensors().get(i).to(), gotten(call, i, group))))
                        .toList());
    }

    /** Bytes that a rank gives of a call's tensor. */
    static long given(CollectiveCall call, int tensor) {
        return call.tensors().get(tensor).elements() * call.dtype().bytes();
    }

    /** Bytes that a rank gets for a call's tensor. */
    static long gotten(CollectiveCall call, int tensor, Group group) {
        return call.received(call.tensors().get(tensor), group.size())
                * call.dtype().bytes();
    }

    public CollectiveCall call() {
        return call;
    }

    /** Gives and gets the tensors one by one, and returns when this rank has its part. */
    public void run() {
        tensors.forEach(this::run);
    }

    private void run(Ends tensor) {
        var dtype = call.dtype();
        var from = tensor.from();
        var to = tensor.to();
        switch (call.kind()) {
            case ALL_REDUCE -> {
                if (from.address() != to.address()) {
                    to.copyFrom(from);
                }
                group.allReduce(to, dtype, reduction(call.reduction()));
            }
            case ALL_GATHER -> group.allGather(from, to, dtype);
            case REDUCE_SCATTER -> group.reduceScatter(from, to, dtype, reduction(call.reduction()));
            case PERMUTE -> {
                var size = group.size();
                group.exchange(
                        from,
                        Math.floorMod(group.rank() + call.shift(), size),
                        to,
                        Math.floorMod(group.rank() - call.shift(), size),
                        dtype);
            }
        }
    }

    private static Reduction reduction(ReduceFn fn) {
        return switch (fn) {
            case SUM -> Reduction.SUM;
            case MAX -> Reduction.MAX;
            case MIN -> Reduction.MIN;
        };
    }
}
