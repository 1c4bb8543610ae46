package org.clipc.runtime.device;

/** Which renderings of gemm and attention a device of TornadoVM runs. */
public enum GemmKernels {
    /**
     * What is known to be faster on the device: the library, or prebuilt ones, where the program and
     * the backend have them.
     */
    AUTO,
    /** Java, which TornadoVM compiles. */
    JIT,
    /** OpenCL C or CUDA C, which the device's driver compiles. */
    PREBUILT,
    /** cuBLASLt for products; for attention as {@link #PREBUILT}. */
    LIBRARY
}
