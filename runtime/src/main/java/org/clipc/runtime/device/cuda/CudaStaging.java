package org.clipc.runtime.device.cuda;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.LongStream;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.TensorDType;
import org.jspecify.annotations.Nullable;

/**
 * The way of inputs to a CUDA device. It copies by itself from page-locked memory only; from other memory its driver moves
 * page by page on one thread, which for a batch of pictures takes longer than a training step does. So several threads
 * convert pieces of a tensor into page-locked memory, and each piece leaves as soon as it is there.
 */
final class CudaStaging implements AutoCloseable {

    private static final long PIECE = 1 << 20;

    private final Cuda cuda;
    private @Nullable MemorySegment memory;

    CudaStaging(Cuda cuda) {
        this.cuda = cuda;
    }

    /**
     * Returns once all is in device memory.
     *
     * @param to address
     * @param dtype of the elements there
     */
    void upload(long to, TensorDType dtype, HostTensor value) {
        cuda.attach();
        var staged = memory(value.elementCount() * dtype.bytes());
        LongStream.range(0, Math.ceilDiv(value.elementCount(), PIECE))
                .parallel()
                .forEach(piece -> {
                    var first = piece * PIECE;
                    var count = Math.min(PIECE, value.elementCount() - first);
                    var bytes = staged.asSlice(first * dtype.bytes(), count * dtype.bytes());
                    part(value, first, count).copyTo(new HostTensor(dtype, List.of(count), bytes));
                    cuda.attach();
                    cuda.startUpload(to + first * dtype.bytes(), bytes);
                });
        cuda.attach();
        cuda.synchronize();
    }

    private static HostTensor part(HostTensor tensor, long first, long count) {
        var size = tensor.dtype().bytes();
        return new HostTensor(tensor.dtype(), List.of(count), tensor.data().asSlice(first * size, count * size));
    }

    private MemorySegment memory(long bytes) {
        var held = memory;
        if (held == null || held.byteSize() < bytes) {
            close();
            held = cuda.allocateHost(bytes);
            memory = held;
        }
        return held;
    }

    @Override
    public void close() {
        if (memory != null) {
            cuda.attach();
            cuda.freeHost(memory);
            memory = null;
        }
    }
}
