package org.clipc.program;

/**
 * What happens next when an entry point runs. Calls run in order, with a barrier between any two; only collectives that an
 * {@link AwaitCall} is for go on beside those behind them.
 */
public sealed interface Call permits KernelCall, CollectiveCall, AwaitCall {

    /** Index of the graph node that the call computes, for profiles and error messages. */
    int node();

    /** What is called: a kernel's class, such as {@code all_reduce.data}, or {@code await}. */
    String name();

    /** Floating-point operations of the op's formula. */
    long flops();

    /** Bytes that must go through memory, or between ranks. */
    long bytes();
}
