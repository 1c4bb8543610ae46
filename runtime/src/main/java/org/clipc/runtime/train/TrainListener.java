package org.clipc.runtime.train;

import java.io.IOException;
import java.nio.file.Path;

/** Told of what happens in training. */
public interface TrainListener {

    /**
     * A step.
     *
     * @param step batches trained on so far, this one included
     * @param maxSteps the last step, as planned now; {@link Long#MAX_VALUE} if training ends with the data
     * @param batch samples in it
     * @param learningRate it was taken with
     * @param logitScale e to the parameter's power; NaN if the model tells none
     * @param samplesPerSecond of this step, waiting for data included
     * @param utilization model FLOPs utilization, see {@link Utilization}; NaN if it is not known
     * @param dataShare part of the step's time that it waited for data, from 0 to 1
     * @param skipped whether it was skipped because its gradient was not finite
     */
    record Step(
            long step,
            long maxSteps,
            int batch,
            double loss,
            double learningRate,
            double gradNorm,
            double logitScale,
            double samplesPerSecond,
            double utilization,
            double dataShare,
            boolean skipped) {}

    /** @param step batches trained on in earlier runs */
    default void began(long step) throws IOException {}

    void stepped(Step step) throws IOException;

    default void saved(Path checkpoint) throws IOException {}
}
