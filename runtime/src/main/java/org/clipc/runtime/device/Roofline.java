package org.clipc.runtime.device;

/**
 * What a device can do at most, as measured on it: Williams, Waterman and Patterson, "Roofline: an insightful visual
 * performance model for multicore architectures" (CACM 52(4), 2009).
 *
 * @param flops floating-point operations per second, a multiply-add being two, in f32 and without any memory access
 * @param bytes per second between memory and the processor, in streams of reads and writes
 */
public record Roofline(double flops, double bytes) {

    /**
     * The least time, in seconds, that work can take whose operands come from memory once. A kernel whose operands are
     * still cached may take less.
     */
    public double seconds(double workFlops, double workBytes) {
        return Math.max(workFlops / flops, workBytes / bytes);
    }
}
