package org.clipc.compiler.explain;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.compiler.draw.MemoryChart;
import org.clipc.compiler.draw.MemoryChart.Tenant;
import org.clipc.compiler.memory.MemoryPlan;
import org.clipc.compiler.pack.CompileReport;
import org.clipc.compiler.recompute.Rematerialize;

/** The memory plan of an entry point, by kind of module. */
final class MemoryPicture {

    private static final int LEVELS = 3;

    private MemoryPicture() {}

    static String of(CompileReport.EntryReport report) {
        var plan = report.plan();
        return MemoryChart.write(
                "Workspace of " + report.entry(),
                plan.placements().stream().map(MemoryPicture::tenant).toList(),
                plan.steps(),
                plan.bytes());
    }

    private static Tenant tenant(MemoryPlan.Placement placement) {
        var interval = placement.interval();
        // Buffers are named after the module and the op that fills them.
        var parts = List.of(interval.name().split(": ", 2));
        var again = interval.name().endsWith(Rematerialize.AGAIN) ? Rematerialize.AGAIN : "";
        var module = parts.size() == 2 ? kind(parts.getFirst()) + again : "";
        return new Tenant(
                interval.name(), module, interval.bytes(), placement.offset(), interval.first(), interval.last());
    }

    /** What blocks of a tower have in common: the path to them and one level inside, without their number. */
    private static String kind(String path) {
        var parts = List.of(path.split("\\."));
        var block = IntStream.range(0, parts.size())
                .filter(i -> parts.get(i).chars().allMatch(Character::isDigit))
                .findFirst()
                .orElse(parts.size());
        var kept = new ArrayList<>(parts.subList(0, Math.min(block, LEVELS)));
        parts.stream().skip(block + 1L).findFirst().ifPresent(kept::add);
        return String.join(".", kept);
    }
}
