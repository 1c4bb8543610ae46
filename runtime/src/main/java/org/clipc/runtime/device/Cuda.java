package org.clipc.runtime.device;

import java.lang.foreign.MemorySegment;

/**
 * What programs need of CUDA: its driver, its compiler and its library of matrix products, on one device and one stream, in
 * whose order everything happens. All methods throw {@link DeviceException} where CUDA fails.
 */
interface Cuda extends AutoCloseable {

    /** How a kernel is called once it is compiled. */
    record Kernel(int number) {}

    /** Makes the device this thread's, which then may call the other methods. */
    void attach();

    /** Device memory, cleared; gives its address, a multiple of 256. */
    long allocate(long bytes);

    void free(long address);

    /** Returns once the memory at {@code from} may change. */
    void upload(long to, MemorySegment from);

    /** Returns once all is there. */
    void download(long from, MemorySegment to);

    void clear(long at, long bytes);

    void copy(long from, long to, long bytes);

    /**
     * Compiles a kernel. May be called by several threads at once.
     *
     * @param name of the function in the source
     */
    Kernel compile(String name, String source);

    /**
     * Starts a kernel whose parameters are an arena, an arena of ints and, by value, an array of longs.
     *
     * @param arena address
     * @param ints address
     */
    void launch(Kernel kernel, int groups, int groupSize, long arena, long ints, long[] args);

    /**
     * Whether the library takes a product; finds the fastest way it knows to compute it, which takes a while the first time.
     *
     * @param arena address that the product's places count from
     */
    boolean prepare(CudaProduct product, long arena);

    /** Starts a product that {@link #prepare} takes. */
    void multiply(CudaProduct product, long arena);

    /** Nanoseconds that the device takes for what {@code work} starts. */
    long nanos(Runnable work);

    @Override
    void close();
}
