package org.clipc.runtime.device.cuda;

import java.util.Map;

/** Whoever lends a stream of CUDA's and has work started on it: TornadoVM, if it is no test. */
public interface CudaTasks extends AutoCloseable {

    /** How they come about. */
    @FunctionalInterface
    interface Opener {

        /**
         * @param tasks what {@link #run} runs, by name: each starts work on the stream that was lent, always the same
         * @param exchanges whether ranks exchange what they compute
         */
        CudaTasks open(Map<String, Runnable> tasks, boolean exchanges);
    }

    /** CUDA, on the stream. */
    Cuda cuda();

    /** Does what a task starts; or, with graphs of CUDA's, what it started the first time. */
    void run(String task);

    @Override
    void close();
}
