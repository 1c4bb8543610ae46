package org.clipc.compiler.kernel;

import java.util.List;

/** Takes the calls that a target makes of a {@link Launch}, in order, with a barrier between any two. */
public interface CallSink {

    /** An argument of a call: every one is 64 bits wide at run time. */
    sealed interface Argument {

        /** The byte address, in the device's arena, of {@code bytes} behind the start of a buffer. */
        record Address(int buffer, long bytes) implements Argument {}

        /** A size, stride or attribute (floats as {@link Float#floatToRawIntBits}). */
        record Literal(long value) implements Argument {}

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

    /** A buffer that lives for the calls of this launch only; returns its id. */
    int temporary(long bytes);

    /**
     * @param kernel the generated class to run, and how to make it
     * @param units independent pieces of work; a worker runs any range of them
     * @param localFloats scratch floats per worker
     * @param sharedFloats scratch floats shared by all workers and by the calls of this launch
     */
    void call(RenderedKernel kernel, List<Argument> arguments, int units, int localFloats, int sharedFloats);
}
