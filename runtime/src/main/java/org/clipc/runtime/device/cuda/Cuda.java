package org.clipc.runtime.device.cuda;

import java.lang.foreign.MemorySegment;
import org.clipc.runtime.device.DeviceException;

/**
 * What programs need of CUDA: its driver, its compiler and its library of matrix products, on one device. Everything happens
 * in the order of one stream, but what ranks exchange beside it. All methods throw {@link DeviceException} where CUDA fails.
 */
public interface Cuda extends AutoCloseable {

    /** How a kernel is called once it is compiled. */
    record Kernel(int number) {}

    /** A stream. */
    enum Lane {
        /** Of all that follows each other. */
        MAIN,
        /** Of what goes on beside that. */
        BESIDE
    }

    /** Where a stream gets to: an event of CUDA's. */
    record Point(int number) {}

    /** The number of the device among CUDA's. */
    int device();

    /** Makes the device this thread's, which then may call the other methods. */
    void attach();

    /** As {@link #attach}; what is started from now on waits for what the one who lent the stream started there. */
    void enter();

    /** Has whoever lent the stream wait there for all of {@link Lane#MAIN}, and gives this thread back to them. */
    void leave();

    /** Gives this thread back to whoever lent the stream, as they need it before they start work themselves. */
    void detach();

    /** Handle of a stream, for other libraries of CUDA's. */
    long stream(Lane lane);

    /** To be kept, and reached any number of times. */
    Point newPoint();

    /** The lane gets to the point when all is done that was started there before. */
    void reach(Lane lane, Point point);

    /** What is started on the lane from now on waits for the point, as it was last reached by {@link #reach}. */
    void await(Lane lane, Point point);

    /** Has {@link #told} be this number when all is done that was started on the lane before. */
    void tell(Lane lane, int number);

    /** What a lane told last, or {@link #resetTold} set since. Any thread may ask at any time, also while work is captured. */
    int told(Lane lane);

    /** Has all lanes have told 0; nothing may be under way. */
    void resetTold();

    /** Waits for all of {@link Lane#MAIN}. */
    void synchronize();

    /** Device memory, cleared; gives its address, a multiple of 256. */
    long allocate(long bytes);

    void free(long address);

    /** Page-locked memory of the host, which the device reaches by itself. */
    MemorySegment allocateHost(long bytes);

    /** @param memory that {@link #allocateHost} gave */
    void freeHost(MemorySegment memory);

    /** Returns once the memory at {@code from} may change. */
    void upload(long to, MemorySegment from);

    /** Copies in the order of {@link Lane#MAIN}, during which memory that {@link #allocateHost} gave must not change. */
    void startUpload(long to, MemorySegment from);

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
