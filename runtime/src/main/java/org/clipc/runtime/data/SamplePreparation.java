package org.clipc.runtime.data;

import java.io.IOException;
import java.util.random.RandomGenerator;
import org.clipc.runtime.data.source.RawSample;

/** Turns what is stored into what the model takes. Many threads call it at once. */
@FunctionalInterface
public interface SamplePreparation {
    /**
     * @param random all chance of this sample; the same on every run
     * @throws IOException when the sample is damaged: it is counted and left out
     */
    PreparedSample prepare(RawSample sample, RandomGenerator random) throws IOException;
}
