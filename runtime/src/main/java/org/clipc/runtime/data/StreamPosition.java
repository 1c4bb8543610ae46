package org.clipc.runtime.data;

import java.util.List;

/**
 * Everything that a {@link SampleStream} needs to go on.
 *
 * @param fingerprint of the data and the shuffling that the position belongs to
 * @param epoch from 0
 * @param draws samples drawn so far, over all ranks where they share one order
 * @param cursor parts begun in this epoch
 * @param nextSample of the part that is being read
 * @param buffer samples waiting to be drawn: part and sample number, packed as {@link SampleRef#pack}
 */
public record StreamPosition(
        String fingerprint, long epoch, long draws, long cursor, int nextSample, List<Long> buffer) {
    public StreamPosition {
        buffer = List.copyOf(buffer);
    }
}
