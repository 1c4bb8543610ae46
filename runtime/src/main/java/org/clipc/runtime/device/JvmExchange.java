package org.clipc.runtime.device;

import java.lang.foreign.MemorySegment;
import org.clipc.ir.ReduceFn;
import org.clipc.program.CollectiveCall;
import org.clipc.runtime.collective.Group;
import org.clipc.runtime.collective.Reduction;

/** A collective of a program, in the arena that its kernels use. */
final class JvmExchange {

    private final CollectiveCall call;
    private final Group group;
    private final MemorySegment arena;

    JvmExchange(CollectiveCall call, Group group, MemorySegment arena) {
        this.call = call;
        this.group = group;
        this.arena = arena;
    }

    CollectiveCall call() {
        return call;
    }

    void run() {
        call.tensors().forEach(this::run);
    }

    private void run(CollectiveCall.Exchanged tensor) {
        var dtype = call.dtype();
        var bytes = tensor.elements() * dtype.bytes();
        var from = arena.asSlice(tensor.from(), bytes);
        var to = arena.asSlice(tensor.to(), call.received(tensor, group.size()) * dtype.bytes());
        switch (call.kind()) {
            case ALL_REDUCE -> {
                if (tensor.from() != tensor.to()) {
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
