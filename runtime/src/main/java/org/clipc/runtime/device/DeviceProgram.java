package org.clipc.runtime.device;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.clipc.program.Call;
import org.clipc.program.Choice;
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

        void called(String entry, Call call, CallTiming timing);

        /** Whether calls should run one by one where the device cannot tell their times apart otherwise. */
        default boolean wantsEachCall() {
            return false;
        }
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

    /** Sets the optimizer state to zero, but for masters of parameters, which are written. */
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

    /** The ways to make the calls of a loaded entry point among which {@link #tune} chooses; none where there is one way. */
    default List<Choice> choices(String entry) {
        return List.of();
    }

    /**
     * Makes calls, from the next run on, in these ways, and all others in the default way.
     *
     * @param options by the names of choices; those that the loaded entry points lack are ignored
     * @throws IllegalArgumentException if a choice has no option of that name
     */
    default void tune(Map<String, String> options) {
        if (!options.isEmpty()) {
            throw new IllegalArgumentException("this device makes all calls in one way");
        }
    }

    /**
     * Measures, within about a second, what the device can do at most.
     *
     * @throws DeviceException if this device cannot tell
     */
    Roofline roofline();

    /** Bytes of device memory that parameters, workspace and state take. */
    long memoryBytes();

    @Override
    void close();
}
