package org.clipc.compiler.plan;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A rank's samples in a step.
 *
 * @param microBatch samples that go through the towers at once
 * @param microBatches how many of these
 */
public record RankBatch(int microBatch, int microBatches) {

    /** All of the samples at once. */
    static RankBatch whole(int samples) {
        return new RankBatch(samples, 1);
    }

    /** Every way to cut a number of samples into several equal parts, the smallest parts first. */
    static List<RankBatch> cuts(int samples) {
        return IntStream.rangeClosed(1, samples / 2)
                .filter(part -> samples % part == 0)
                .mapToObj(part -> new RankBatch(part, samples / part))
                .toList();
    }

    long samples() {
        return (long) microBatch * microBatches;
    }
}
