package org.clipc.compiler.memory;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.clipc.program.Manifest;

/**
 * Offsets of buffers in the workspace.
 *
 * @param bytes size of the workspace
 * @param lowerBound the most bytes that are in use at once: no plan of these lifetimes can do with less
 * @param steps number of steps that the intervals count in
 */
public record MemoryPlan(List<Placement> placements, long bytes, long lowerBound, int steps) {

    public MemoryPlan {
        placements = List.copyOf(placements);
    }

    /** A buffer at its offset. */
    public record Placement(Interval interval, long offset) {

        public long end() {
            return offset + Manifest.align(interval.bytes());
        }
    }

    /** Byte offset in the workspace, by buffer id. */
    public Map<Integer, Long> offsets() {
        return placements.stream().collect(Collectors.toMap(p -> p.interval().buffer(), Placement::offset));
    }
}
