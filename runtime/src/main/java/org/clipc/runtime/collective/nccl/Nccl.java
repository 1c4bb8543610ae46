package org.clipc.runtime.collective.nccl;

import org.clipc.ir.DType;
import org.clipc.runtime.collective.Reduction;
import org.jspecify.annotations.Nullable;

/** What is used of NCCL and CUDA, on one device. Addresses are of device memory, where nothing else is said. */
interface Nccl {

    /** Such as {@code NCCL 2.29.3 on GPU 0}. */
    String description();

    /** The number of the device among CUDA's. */
    int device();

    /**
     * Makes the device the calling thread's, in its primary context. NCCL does so itself whenever it starts something, so
     * its kernels run in no other context, and streams must be of that one.
     */
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

    /**
     * A member of a communicator, with a stream of its own. Counts are of elements. Operations on one stream follow each
     * other; all are given to the communicator in one order, the same on all members.
     */
    interface Channel {

        /** Handle of the channel's own stream. */
        long stream();

        /** @param receive may be {@code send} */
        void allReduce(long stream, long send, long receive, long count, DType dtype, Reduction reduction);

        /** @param count of what each member sends */
        void allGather(long stream, long send, long receive, long count, DType dtype);

        /** @param count of what each member receives */
        void reduceScatter(long stream, long send, long receive, long count, DType dtype, Reduction reduction);

        void broadcast(long stream, long data, long count, DType dtype, int root);

        void exchange(
                long stream, long send, long sendCount, int to, long receive, long receiveCount, int from, DType dtype);

        /** Has all operations that {@code starts} asks for, on one stream, go on together. */
        void together(Runnable starts);

        /** Copies between the host's memory and the device's, in either direction, on its own stream. */
        void copy(long from, long to, long bytes);

        /** Whether all that was asked for on its own stream is done. */
        boolean isDone();

        /** What went wrong meanwhile; null if nothing did. */
        @Nullable
        String error();

        /** Ends operations that wait in vain, on whatever stream, and the communicator with them; does not wait for it. */
        void abort();

        /** Ends the communicator, of which nothing is under way, and which no graph of CUDA's uses any more. */
        void close();
    }
}
