package org.clipc.program;

/**
 * A collective that began before is over: it may go on beside the calls in between, none of which touches what it leaves or
 * writes what it reads. A collective that nothing awaits is over before the call behind it.
 *
 * @param started index of the collective among the calls
 * @param node index of the graph node that the collective computes
 */
public record AwaitCall(int started, int node) implements Call {

    /** Its spelling in files. */
    static final String NAME = "await";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public long flops() {
        return 0;
    }

    @Override
    public long bytes() {
        return 0;
    }
}
