package org.clipc.runtime.device;

/**
 * How CUDA devices are to be used.
 *
 * @param graph whether an entry point is captured as one CUDA graph, which the device runs without the host
 * @param tf32 whether the library may compute products of f32 from numbers of 10 bits
 */
public record CudaOptions(boolean graph, boolean tf32) {

    public static final CudaOptions DEFAULT = new CudaOptions(true, false);
}
