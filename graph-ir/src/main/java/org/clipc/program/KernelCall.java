package org.clipc.program;

import java.util.List;

/**
 * One call of a generated kernel.
 *
 * <p>Kernels of a JVM target are {@code static void run(MemorySegment arena, long[] args, int from, int to, float[] local,
 * float[] shared)}, over any partition of {@code [0, units)}. Those of the target {@code tornado} are {@code static void
 * run(KernelContext context, FloatArray f, IntArray n, IntArray args, FloatArray constants)}, over {@code units} work
 * groups of {@code groupSize} work items.
 *
 * @param kernel binary name of the kernel's class
 * @param args what places, sizes and strides the kernel asks for, and for the JVM float attributes as raw bits. Places are
 *     byte offsets into the arena for the JVM; indices of elements, see {@link Schedule}, for TornadoVM
 * @param groupSize work items of a group; 1 for the JVM
 * @param localFloats scratch floats per worker
 * @param sharedFloats scratch floats that all workers share; kept from one call to the next
 * @param node index of the graph node that the call computes, for profiles and error messages
 * @param flops floating-point operations of its part of the node, for profiles: those that the op's formula counts, not
 *     what an implementation adds to them
 * @param bytes that it must read and write if each element of its operands and results goes through memory once
 */
public record KernelCall(
        String kernel,
        List<Long> args,
        int units,
        int groupSize,
        int localFloats,
        int sharedFloats,
        int node,
        long flops,
        long bytes)
        implements Call {

    /** More floating-point operations, or bytes, than any call has; sums of many calls stay below what a double counts. */
    public static final long MOST_WORK = 1L << 53;

    public KernelCall {
        args = List.copyOf(args);
    }

    @Override
    public String name() {
        return kernel;
    }

    /** A call of a JVM kernel, of which no profile knows what it has to do. */
    public KernelCall(String kernel, List<Long> args, int units, int localFloats, int sharedFloats, int node) {
        this(kernel, args, units, 1, localFloats, sharedFloats, node, 0, 0);
    }
}
