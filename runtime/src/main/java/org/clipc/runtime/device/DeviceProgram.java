package org.clipc.runtime.device;

import java.util.Collection;
import java.util.Map;
import org.clipc.program.Call;
import org.clipc.program.Manifest;
import org.clipc.runtime.tensor.HostTensor;
import org.jspecify.annotations.Nullable;

/**
 * A program on a device: its parameters, optimizer state and entry points. Parameters and state are zero after loading.
 * For one thread at a time. Tensors that methods return are views that end with the next call of {@link #run} or {@link
 * #write} and with the program: copy what must stay.
 */
public interface DeviceProgram extends AutoCloseable {

    /** Told of every call, for profiles. */
    @FunctionalInterface
    interface CallObserver {

        void called(String entry, Call call, long nanos);
    }

    Manifest manifest();

    /** A parameter or state tensor. */
    HostTensor read(String tensor);

    /**
     * Sets a parameter or state tensor, converting between element types.
     *
     * @throws DeviceException if there is no such tensor, or its shape is another
     */
    void write(String tensor, HostTensor value);

    /**
     * Sets elements of a parameter or state tensor, so that a large one need not be in the host's memory at once.
     *
     * @param from index of the first, in row-major order
     * @param part of any shape
     * @throws DeviceException if there is no such tensor, or it has fewer elements
     */
    void write(String tensor, long from, HostTensor part);

    /** Sets the optimizer state to zero. */
    void clearState();

    /**
     * Runs an entry point.
     *
     * @param inputs one for each of the entry point's inputs, of its shape; element types are converted
     * @return all outputs, by name
     * @throws DeviceException if an input is missing, unknown or of the wrong shape, or a kernel fails
     */
    default Map<String, HostTensor> run(String entry, Map<String, HostTensor> inputs) {
        return run(entry, inputs, null);
    }

    /** As {@link #run(String, Map)}, but returns only the outputs named, or all if {@code outputs} is null. */
    Map<String, HostTensor> run(String entry, Map<String, HostTensor> inputs, @Nullable Collection<String> outputs);

    /** Sets who is told of kernel calls; null for nobody. */
    void observe(@Nullable CallObserver observer);

    /** Bytes of device memory that parameters, workspace and state take. */
    long memoryBytes();

    @Override
    void close();
}
