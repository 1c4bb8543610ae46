package org.clipc.runtime.data;

import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.clipc.runtime.data.source.SampleSource;
import org.clipc.runtime.io.DataFormatException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts samples that were left out, says so once per shard, and gives up when nothing else comes. */
final class SkippedSamples {
    private static final Logger LOG = LoggerFactory.getLogger(SkippedSamples.class);
    private static final int MOST_IN_A_ROW = 10_000;
    private static final int MOST_LOGGED = 100;

    private final SampleSource source;
    private final AtomicLong count = new AtomicLong();
    private final Set<Integer> logged = new HashSet<>();
    private int inARow;

    SkippedSamples(SampleSource source) {
        this.source = source;
    }

    long count() {
        return count.get();
    }

    /** Says how many there were, if any. */
    void tell() {
        if (count() > 0) {
            LOG.warn("{} samples were left out of the data as damaged", count());
        }
    }

    void good() {
        inARow = 0;
    }

    void skipped(SampleRef ref, IOException problem) {
        count.incrementAndGet();
        if (logged.size() < MOST_LOGGED && logged.add(ref.part())) {
            LOG.warn(
                    "{}: sample left out: {} (more from here, if any, are only counted)",
                    source.partName(ref.part()),
                    problem.getMessage());
        }
        if (++inARow >= MOST_IN_A_ROW) {
            throw new DataFormatException(
                    source.partName(ref.part()),
                    MOST_IN_A_ROW + " samples in a row could not be used; the last: " + problem.getMessage(),
                    problem);
        }
    }
}
