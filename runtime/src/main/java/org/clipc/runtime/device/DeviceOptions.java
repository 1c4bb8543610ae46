package org.clipc.runtime.device;

/**
 * How a device is to be used.
 *
 * @param threads of devices that use the CPU; 0 for all cores
 * @param gemm for devices of TornadoVM
 * @param rank which of the ranks it is for that are on this machine, from 0: they spread over its GPUs
 */
public record DeviceOptions(int threads, GemmKernels gemm, CudaOptions cuda, int rank) {

    public static final DeviceOptions DEFAULT = new DeviceOptions(0, GemmKernels.AUTO);

    public DeviceOptions(int threads, GemmKernels gemm) {
        this(threads, gemm, CudaOptions.DEFAULT, 0);
    }
}
