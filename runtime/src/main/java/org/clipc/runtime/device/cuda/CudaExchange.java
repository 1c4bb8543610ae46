package org.clipc.runtime.device.cuda;

import org.clipc.program.CollectiveCall;
import org.clipc.runtime.collective.Operation;
import org.clipc.runtime.collective.Operation.Kind;
import org.clipc.runtime.collective.Reduction;
import org.clipc.runtime.collective.StreamCall;
import org.clipc.runtime.collective.StreamGroup;
import org.clipc.runtime.device.cuda.Cuda.Lane;
import org.clipc.runtime.device.cuda.Cuda.Point;

/**
 * A collective of a program, among its kernels or beside them. Before and after it, the stream tells the host where it is.
 *
 * <p>Those beside the kernels are started when the kernels before are done, and waited for at their {@code AwaitCall}: the
 * streams part and come together again by events, which is also how CUDA records two streams in one graph. The two lanes
 * have communicators of their own, which the host gives work to in the order of the schedule, the same on all ranks.
 */
final class CudaExchange {

    private final CollectiveCall call;
    private final StreamGroup group;
    private final long arena;
    private final int number;
    private final String what;
    private final Lane lane;
    private final Point begun;
    private final Point done;

    /**
     * @param arena address that the call's offsets count from
     * @param number among the exchanges of the entry point, from 0
     * @param where for messages, such as {@code exchange 3 of train_step}
     * @param begun where the lanes part, which all exchanges may share
     * @param done where this one is over
     */
    CudaExchange(
            CollectiveCall call,
            StreamGroup group,
            long arena,
            int number,
            String where,
            Lane lane,
            Point begun,
            Point done) {
        this.call = call;
        this.group = group;
        this.arena = arena;
        this.number = number;
        this.what = operation(call.bytes() / call.dtype().bytes()).text() + ", " + where;
        this.lane = lane;
        this.begun = begun;
        this.done = done;
    }

    StreamGroup group() {
        return group;
    }

    Lane lane() {
        return lane;
    }

    StreamGroup.Waiting waiting() {
        return new StreamGroup.Waiting(number, what);
    }

    /** What {@link Cuda#told} says while it is under way. */
    int underWay() {
        return 2 * number + 1;
    }

    void start(Cuda cuda) {
        if (lane == Lane.BESIDE) {
            cuda.reach(Lane.MAIN, begun);
            cuda.await(lane, begun);
        }
        cuda.tell(lane, underWay());
        group.start(cuda.stream(lane), call.tensors().stream().map(this::of).toList());
        cuda.tell(lane, underWay() + 1);
        if (lane == Lane.BESIDE) {
            cuda.reach(lane, done);
        }
    }

    /** What is started from now on waits for it. */
    void await(Cuda cuda) {
        if (lane == Lane.BESIDE) {
            cuda.await(Lane.MAIN, done);
        }
    }

    private StreamCall of(CollectiveCall.Exchanged tensor) {
        var size = group.size();
        // Of a reduce-scatter, what a member gets.
        var elements = call.kind() == CollectiveCall.Kind.REDUCE_SCATTER ? tensor.elements() / size : tensor.elements();
        return new StreamCall(
                operation(elements),
                arena + tensor.from(),
                arena + tensor.to(),
                Math.floorMod(group.rank() + call.shift(), size),
                Math.floorMod(group.rank() - call.shift(), size));
    }

    private Operation operation(long elements) {
        return switch (call.kind()) {
            case ALL_REDUCE -> new Operation(Kind.ALL_REDUCE, call.dtype(), reduction(), 0, elements);
            case REDUCE_SCATTER -> new Operation(Kind.REDUCE_SCATTER, call.dtype(), reduction(), 0, elements);
            case ALL_GATHER -> new Operation(Kind.ALL_GATHER, call.dtype(), null, 0, elements);
            case PERMUTE -> new Operation(Kind.EXCHANGE, call.dtype(), null, 0, elements);
        };
    }

    private Reduction reduction() {
        return switch (call.reduction()) {
            case SUM -> Reduction.SUM;
            case MAX -> Reduction.MAX;
            case MIN -> Reduction.MIN;
        };
    }
}
