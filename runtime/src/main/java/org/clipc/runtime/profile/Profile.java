package org.clipc.runtime.profile;

import java.util.List;
import org.clipc.program.AwaitCall;
import org.clipc.program.Call;
import org.clipc.program.CollectiveCall;
import org.clipc.program.KernelCall;
import org.clipc.program.NodeInfo;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.Roofline;

/**
 * What was measured of an entry point.
 *
 * @param entry the one that ran: that for the shortest text length that held the batch
 * @param batch samples of a run
 * @param unwatched nanoseconds of at least one run whose calls were not measured: on devices that this slows down, how long it
 *     takes as a rule
 * @param runs at least one
 * @param nodes of the entry point's graph
 * @param device one line on what it ran on
 * @param roofline of that device
 */
public record Profile(
        String entry,
        int batch,
        List<Long> unwatched,
        List<Run> runs,
        List<NodeInfo> nodes,
        String device,
        Roofline roofline) {

    private static final NodeInfo UNKNOWN = new NodeInfo("", "", "");

    /**
     * A run of the entry point.
     *
     * @param start by the clock of {@link System#nanoTime}
     * @param nanos until its results were there
     * @param slices in order
     */
    public record Run(long start, long nanos, List<Slice> slices) {

        public Run {
            slices = List.copyOf(slices);
        }
    }

    /** A call of a kernel or a collective, and when it ran. */
    public record Slice(Call call, CallTiming timing) {

        /** A class's name without its package, or a collective's. */
        String kernel() {
            return switch (call) {
                case KernelCall kernel ->
                    kernel.kernel().substring(kernel.kernel().lastIndexOf('.') + 1);
                case CollectiveCall _, AwaitCall _ -> call.name();
            };
        }
    }

    public Profile {
        unwatched = List.copyOf(unwatched);
        runs = List.copyOf(runs);
        nodes = List.copyOf(nodes);
    }

    /** The graph node that a call computes; empty strings if it belongs to none. */
    NodeInfo node(Call call) {
        return call.node() >= 0 && call.node() < nodes.size() ? nodes.get(call.node()) : UNKNOWN;
    }
}
