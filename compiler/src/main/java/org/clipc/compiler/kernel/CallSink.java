package org.clipc.compiler.kernel;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.function.Consumer;
import org.clipc.ir.DType;

/** Takes the calls that a target makes of a {@link Launch}, in order, with a barrier between any two. */
public interface CallSink {

    /** An argument of a call. */
    sealed interface Argument {

        /** The byte address, in the device's arena, of {@code bytes} behind the start of a buffer. */
        record Address(int buffer, long bytes) implements Argument {}

        /** A size, stride or attribute (floats as {@link Float#floatToRawIntBits}). */
        record Literal(long value) implements Argument {}

        /**
         * The index, in TornadoVM's arena for the element type, of element {@code index} of a buffer.
         *
         * @param dtype f32 for the arena of floats; i32 or bool for the arena of ints
         */
        record Element(int buffer, long index, DType dtype) implements Argument {}

        /** The index of a number in the schedule's constants. */
        record Constant(float value) implements Argument {}

        static Argument of(View view) {
            return new Address(view.buffer(), view.offset() * view.dtype().bytes());
        }

        static Argument of(long value) {
            return new Literal(value);
        }

        static Argument of(float value) {
            return new Literal(Float.floatToRawIntBits(value));
        }
    }

    /** Name of the target that is planned for; {@code org.clipc.kernels.<target>} is the package of its kernels. */
    String target();

    /** The launch that stands right behind this one, if there is one. */
    default Optional<Launch> next() {
        return Optional.empty();
    }

    /**
     * As {@link #choose(String, SequencedMap)}, for calls that may do the work of those of the {@link #next} launch: these
     * belong to what is chosen, and are the same in every way. Nothing may be called behind it.
     */
    default void chooseWithNext(String name, SequencedMap<String, Consumer<CallSink>> options) {
        choose(name, options);
    }

    /** A buffer that lives for the calls of this launch only; returns its id. */
    int temporary(long bytes);

    /** A row-major tensor in a buffer of its own, which lives as long as {@link #temporary(long)} says. */
    default View temporary(DType dtype, List<Integer> dims) {
        var strides = new Long[dims.size()];
        var elements = 1L;
        for (var axis = dims.size() - 1; axis >= 0; axis--) {
            strides[axis] = elements;
            elements = Math.multiplyExact(elements, dims.get(axis));
        }
        return new View(temporary(Math.multiplyExact(elements, dtype.bytes())), 0, dtype, dims, List.of(strides));
    }

    /**
     * @param kernel the generated class to run, and how to make it
     * @param units independent pieces of work; a worker runs any range of them
     * @param localFloats scratch floats per worker
     * @param sharedFloats scratch floats shared by all workers and by the calls of this launch
     */
    void call(RenderedKernel kernel, List<Argument> arguments, int units, int localFloats, int sharedFloats);

    /**
     * As {@link #call}, of a kernel that only lays out operands for the launch's other calls: it does none of the launch's
     * arithmetic.
     *
     * @param bytes that it reads and writes
     */
    default void prepare(
            RenderedKernel kernel, List<Argument> arguments, int units, int localFloats, int sharedFloats, long bytes) {
        call(kernel, arguments, units, localFloats, sharedFloats);
    }

    /**
     * Takes calls that can be made in several ways, all by the same kernels and with temporaries of before only.
     *
     * @param name of what the calls compute: equal only where the ways are
     * @param options the ways by name, of which the first is the default
     */
    default void choose(String name, SequencedMap<String, Consumer<CallSink>> options) {
        choose(name, options, Collections.emptySortedMap());
    }

    /**
     * As {@link #choose(String, SequencedMap)}, where the default depends on the device.
     *
     * @param defaults the name of the default where the device's figure is at least so much: bytes of a core's first-level
     *     data cache where kernels are called, floats that a vector holds where they are launched
     */
    default void choose(
            String name, SequencedMap<String, Consumer<CallSink>> options, SortedMap<Integer, String> defaults) {
        options.firstEntry().getValue().accept(this);
    }

    /**
     * A call of a TornadoVM kernel.
     *
     * @param groups number of work groups
     * @param groupSize work items of a group
     */
    void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize);

    /** As {@link #launch}, of a kernel that only lays out operands, see {@link #prepare}. */
    default void prepareLaunch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize, long bytes) {
        launch(kernel, arguments, groups, groupSize);
    }
}
