package org.clipc.runtime.collective.nccl;

import org.clipc.ir.DType;
import org.clipc.runtime.collective.Reduction;
import org.jspecify.annotations.Nullable;

/** What is used of NCCL and CUDA, on one device. Addresses are of device memory, where nothing else is said. */
interface Nccl {

    /** Such as {@code NCCL 2.29.3 on NVIDIA H100, GPU 0}. */
    String description();

    /** Makes the device the calling thread's. */
    void attach();

    /** A number that no other communicator has, for all its members to {@link #join} by. */
    byte[] newId();

    /** Waits for all members. */
    Channel join(byte[] id, int size, int rank);

    /** Whether kernels can work on this memory, or it must be copied. */
    boolean isReachable(long address);

    /** Memory of the device. */
    long allocate(long bytes);

    /** Gives memory back. */
    void free(long address);

    /** A member of a communicator, and a stream on which its operations follow each other. Counts are of elements. */
    interface Channel {

        void allReduce(long data, long count, DType dtype, Reduction reduction);

        /** @param count of what each member sends */
        void allGather(long send, long receive, long count, DType dtype);

        /** @param count of what each member receives */
        void reduceScatter(long send, long receive, long count, DType dtype, Reduction reduction);

        void broadcast(long data, long count, DType dtype, int root);

        void exchange(long send, long sendCount, int to, long receive, long receiveCount, int from, DType dtype);

        /** Copies between the host's memory and the device's, in either direction. */
        void copy(long from, long to, long bytes);

        /** Whether all that was asked for is done. */
        boolean isDone();

        /** What went wrong meanwhile; null if nothing did. */
        @Nullable
        String error();

        /** Ends operations that wait in vain, and the communicator with them. */
        void abort();

        /** Ends the communicator, of which nothing is under way. */
        void close();
    }
}
