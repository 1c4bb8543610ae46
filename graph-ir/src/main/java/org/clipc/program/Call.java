package org.clipc.program;

/** What happens next when an entry point runs. Calls run in order, with a barrier between any two. */
public sealed interface Call permits KernelCall, CollectiveCall {

    /** Index of the graph node that the call computes, for profiles and error messages. */
    int node();

    /** What is called: a kernel's class, or such as {@code all_reduce.data}. */
    String name();

    /** Floating-point operations of the op's formula. */
    long flops();

    /** Bytes that must go through memory, or between ranks. */
    long bytes();
}
