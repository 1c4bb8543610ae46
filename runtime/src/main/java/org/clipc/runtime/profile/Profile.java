package org.clipc.runtime.profile;

import java.util.List;
import org.clipc.program.KernelCall;
import org.clipc.program.NodeInfo;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.Roofline;

/**
 * What was measured of an entry point.
 *
 * @param entry the one that ran: that for the shortest text length that held the batch
 * @param batch samples of a run
 * @param runs at least one
 * @param nodes of the entry point's graph
 * @param device one line on what it ran on
 * @param roofline of that device
 */
public record Profile(String entry, int batch, List<Run> runs, List<NodeInfo> nodes, String device, Roofline roofline) {

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

    /** A kernel call, and when it ran. */
    public record Slice(KernelCall call, CallTiming timing) {

        /** The class's name without its package. */
        String kernel() {
            return call.kernel().substring(call.kernel().lastIndexOf('.') + 1);
        }
    }

    public Profile {
        runs = List.copyOf(runs);
        nodes = List.copyOf(nodes);
    }

    /** The graph node that a call computes; empty strings if it belongs to none. */
    NodeInfo node(KernelCall call) {
        return call.node() >= 0 && call.node() < nodes.size() ? nodes.get(call.node()) : UNKNOWN;
    }
}
