package org.clipc.compiler.memory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.program.Manifest;

/**
 * Assigns offsets. Greedy: buffers one by one, each at the lowest offset of the smallest gap among those placed before
 * that live at the same time. The order decides how good that is; several are tried, and what sticks out is moved forward
 * in the best of them.
 */
public final class PlanMemory {

    private static final int REPAIRS = 16;

    private static final List<Comparator<Interval>> ORDERS = List.of(
            Comparator.comparingLong(i -> -i.bytes()),
            Comparator.comparingDouble(i -> -(double) i.bytes() * (i.last() - i.first() + 1)),
            Comparator.comparingInt(i -> i.first() - i.last()),
            Comparator.comparingInt(Interval::first));

    private PlanMemory() {}

    /** @param steps how many steps the intervals count in */
    public static MemoryPlan plan(List<Interval> intervals, int steps) {
        var bound = lowerBound(intervals, steps);
        var best = new MemoryPlan(List.of(), Long.MAX_VALUE, bound, steps);
        List<Interval> bestOrder = List.of();
        for (var comparator : ORDERS) {
            if (best.bytes() == bound) {
                break;
            }
            var order = new ArrayList<>(intervals);
            order.sort(comparator
                    .thenComparingLong(i -> -i.bytes())
                    .thenComparingInt(Interval::first)
                    .thenComparingInt(Interval::buffer));
            var plan = place(order, bound, steps, best.bytes());
            if (plan.bytes() < best.bytes()) {
                best = plan;
                bestOrder = order;
            }
        }
        return repair(best, bestOrder);
    }

    /** Buffers that reach the top of the workspace are placed earlier, as long as that helps. */
    private static MemoryPlan repair(MemoryPlan plan, List<Interval> placed) {
        var best = plan;
        var current = plan;
        var order = new ArrayList<>(placed);
        for (var i = 0; i < REPAIRS && best.bytes() > best.lowerBound(); i++) {
            var bytes = current.bytes();
            var top = current.placements().stream()
                    .filter(p -> p.end() == bytes)
                    .map(MemoryPlan.Placement::interval)
                    .toList();
            order.removeAll(top);
            order.addAll(0, top);
            current = place(order, best.lowerBound(), best.steps(), Long.MAX_VALUE);
            if (current.bytes() < best.bytes()) {
                best = current;
            }
        }
        return best;
    }

    /** @param enough a plan of so many bytes or more is of no interest, and not finished */
    private static MemoryPlan place(List<Interval> order, long bound, int steps, long enough) {
        var placed = new Placed(order.size());
        for (var interval : order) {
            if (placed.add(interval) >= enough) {
                break;
            }
        }
        return placed.plan(bound, steps);
    }

    /** Placements by offset, in arrays: the search for gaps, of a square of their number, takes most of the time. */
    private static final class Placed {

        private final Interval[] intervals;
        private final int[] firsts;
        private final int[] lasts;
        private final long[] offsets;
        private final long[] ends;
        private int count;

        Placed(int capacity) {
            intervals = new Interval[capacity];
            firsts = new int[capacity];
            lasts = new int[capacity];
            offsets = new long[capacity];
            ends = new long[capacity];
        }

        /** Returns where it ends. */
        long add(Interval interval) {
            var offset = offset(interval);
            var at = count;
            while (at > 0 && offsets[at - 1] > offset) {
                at--;
            }
            for (Object array : List.of(intervals, firsts, lasts, offsets, ends)) {
                System.arraycopy(array, at, array, at + 1, count - at);
            }
            intervals[at] = interval;
            firsts[at] = interval.first();
            lasts[at] = interval.last();
            offsets[at] = offset;
            ends[at] = offset + Manifest.align(interval.bytes());
            count++;
            return ends[at];
        }

        private long offset(Interval interval) {
            var bytes = Manifest.align(interval.bytes());
            var first = interval.first();
            var last = interval.last();
            var end = 0L;
            var best = -1L;
            var smallest = Long.MAX_VALUE;
            for (var i = 0; i < count; i++) {
                if (firsts[i] > last || lasts[i] < first) {
                    continue;
                }
                var gap = offsets[i] - end;
                if (gap >= bytes && gap < smallest) {
                    smallest = gap;
                    best = end;
                }
                end = Math.max(end, ends[i]);
            }
            return best >= 0 ? best : end;
        }

        MemoryPlan plan(long bound, int steps) {
            var placements = new ArrayList<MemoryPlan.Placement>(count);
            var total = 0L;
            for (var i = 0; i < count; i++) {
                placements.add(new MemoryPlan.Placement(intervals[i], offsets[i]));
                total = Math.max(total, ends[i]);
            }
            return new MemoryPlan(placements, total, bound, steps);
        }
    }

    /** The most bytes in use during one step. */
    public static long lowerBound(List<Interval> intervals, int steps) {
        Map<Integer, Long> changes = new HashMap<>();
        for (var interval : intervals) {
            var bytes = Manifest.align(interval.bytes());
            changes.merge(interval.first(), bytes, Long::sum);
            changes.merge(interval.last() + 1, -bytes, Long::sum);
        }
        var most = 0L;
        var live = 0L;
        for (var step = -1; step <= steps; step++) {
            live += changes.getOrDefault(step, 0L);
            most = Math.max(most, live);
        }
        return most;
    }
}
