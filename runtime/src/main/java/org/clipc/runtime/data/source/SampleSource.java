package org.clipc.runtime.data.source;

import java.io.IOException;

/**
 * A data set as numbered parts (a shard, or one row of a table) of numbered samples, each readable by itself. That makes
 * an order of samples plain numbers: it can be shuffled, split among ranks and saved without touching the data. Threads
 * may share one.
 */
public interface SampleSource {
    int parts();

    /** For messages. */
    String partName(int part);

    /** What a part is known by wherever its folder lies, so that a moved data set is still the same. */
    String identity(int part);

    /**
     * Samples of a part. The first call may read through the part; what is damaged there is logged once, and only the
     * samples before the damage count.
     */
    int samples(int part);

    /**
     * Reads one sample.
     *
     * @throws IOException when this sample is damaged; others may still be good
     */
    RawSample load(int part, int sample) throws IOException;

    /** All samples, which may mean reading through all parts. */
    default long countSamples() {
        return countSamples(Long.MAX_VALUE);
    }

    /** All samples, or of some of the parts if these have {@code enough}. */
    default long countSamples(long enough) {
        long count = 0;
        for (int part = 0; part < parts() && count < enough; part++) {
            count += samples(part);
        }
        return count;
    }
}
