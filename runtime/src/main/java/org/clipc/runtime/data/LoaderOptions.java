package org.clipc.runtime.data;

/**
 * How batches are made.
 *
 * @param stream which samples
 * @param batchSize samples per batch on this rank
 * @param workers threads that read and decode
 * @param prefetch batches made ahead
 */
public record LoaderOptions(StreamOptions stream, int batchSize, int workers, int prefetch) {
    public LoaderOptions {
        if (batchSize < 1 || workers < 1 || prefetch < 1) {
            throw new IllegalArgumentException("batch size, workers and prefetch must be at least 1, not " + batchSize
                    + ", " + workers + " and " + prefetch);
        }
    }
}
