package org.clipc.runtime.device.cuda;

import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.Roofline;

/** What a device of CUDA's could do: arithmetic by the library's product of large matrices of bf16, memory by copying. */
final class CudaRoofline {

    /** Bytes that are copied to measure how fast the memory is. */
    private static final long COPIED = 256L << 20;

    /** Rows, columns and depth of the product by which arithmetic is measured. */
    private static final int PROBED = 8192;

    private static final int RUNS = 3;

    private CudaRoofline() {}

    /** @throws DeviceException if the library takes no product of bf16 */
    static Roofline measure(Cuda cuda) {
        var elements = (long) PROBED * PROBED;
        var scratch = cuda.allocate(Math.max(2 * COPIED, 3 * elements * Short.BYTES));
        try {
            var product = CudaProduct.square(PROBED);
            if (!cuda.prepare(product, scratch)) {
                throw new DeviceException("the library computes no product of bf16, by which arithmetic is measured");
            }
            var multiplying = least(cuda, () -> cuda.multiply(product, scratch));
            var copying = least(cuda, () -> cuda.copy(scratch, scratch + COPIED, COPIED));
            return new Roofline(2.0 * elements * PROBED / multiplying * 1e9, 2.0 * COPIED / copying * 1e9);
        } finally {
            cuda.free(scratch);
        }
    }

    private static long least(Cuda cuda, Runnable work) {
        var least = Long.MAX_VALUE;
        for (var run = 0; run < RUNS; run++) {
            least = Math.min(least, Math.max(1, cuda.nanos(work)));
        }
        return least;
    }
}
