package org.clipc.compiler.tornado;

import java.util.List;
import java.util.Optional;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;

/** A sink that passes launches on, changed. */
interface Redirecting extends CallSink {

    CallSink to();

    @Override
    default String target() {
        return to().target();
    }

    @Override
    default Optional<Launch> next() {
        return to().next();
    }

    @Override
    default int temporary(long bytes) {
        return to().temporary(bytes);
    }

    @Override
    default void call(RenderedKernel kernel, List<Argument> arguments, int units, int localFloats, int sharedFloats) {
        to().call(kernel, arguments, units, localFloats, sharedFloats);
    }

    /** Has calls of kernels stand where they would be, without work: for what another way to compute the same needs. */
    record Skipping(CallSink to) implements Redirecting {

        @Override
        public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
            to.launch(kernel, arguments, 0, groupSize);
        }
    }
}
