package org.clipc.program;

import java.util.List;

/**
 * One call of a generated kernel: {@code static void run(MemorySegment arena, long[] args, int from, int to, float[]
 * local, float[] shared)}, over any partition of {@code [0, units)}. Calls run in order, with a barrier between any two.
 *
 * @param kernel binary name of the kernel's class
 * @param args byte offsets into the arena, sizes, strides, and float attributes as raw bits
 * @param localFloats scratch floats per worker
 * @param sharedFloats scratch floats that all workers share; kept from one call to the next
 * @param node index of the graph node that the call computes, for profiles and error messages
 */
public record KernelCall(String kernel, List<Long> args, int units, int localFloats, int sharedFloats, int node) {

    public KernelCall {
        args = List.copyOf(args);
    }
}
