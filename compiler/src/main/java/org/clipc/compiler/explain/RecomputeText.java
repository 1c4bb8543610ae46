package org.clipc.compiler.explain;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.clipc.compiler.config.ByteSize;
import org.clipc.compiler.pack.CompileReport;
import org.clipc.compiler.recompute.RecomputeReport;
import org.clipc.compiler.recompute.RecomputeReport.Part;
import org.clipc.program.EntryPoint;

/** What a training step computes again, for people. */
public final class RecomputeText {

    /** Parts below this share of both the arithmetic and the bytes are summed up. */
    private static final double LEAST = 0.01;

    private RecomputeText() {}

    /** What the training step computes again, if there is one. */
    public static Optional<RecomputeReport> ofStep(CompileReport report) {
        return report.entries().stream()
                .filter(entry -> entry.entry().equals(EntryPoint.TRAIN_STEP)
                        || entry.entry().equals(EntryPoint.TRAIN_BACKWARD))
                .flatMap(entry -> Optional.ofNullable(entry.recompute()).stream())
                .findFirst();
    }

    /** One line about the training step of a program; empty if it has none. */
    public static Optional<String> line(CompileReport report) {
        return ofStep(report).map(RecomputeText::line);
    }

    private static String line(RecomputeReport report) {
        var search = report.search();
        var start = "a training step keeps %s of its forward pass and computes again what takes %s more arithmetic"
                .formatted(ByteSize.format(report.keptBytes()), percent(report.recomputedFlops(), report.flops()));
        return search == null
                ? start
                : start
                        + "; workspace %s (%s without the budget of %s), est. time %s, at most %s above the least that fits"
                                .formatted(
                                        ByteSize.format(search.planned()),
                                        ByteSize.format(search.without()),
                                        ByteSize.format(search.budget()),
                                        "+" + percent(search.time(), search.stepTime()),
                                        percent(search.gap()));
    }

    static Table table(RecomputeReport report) {
        var table = new Table().row("", "modules", "not kept", "arithmetic", "");
        var large = report.parts().stream().filter(p -> isLarge(p, report)).toList();
        var small = report.parts().stream().filter(p -> !isLarge(p, report)).toList();
        large.forEach(p -> row(table, p, report));
        if (!small.isEmpty()) {
            row(table, sum(large.isEmpty() ? "everywhere" : "elsewhere", small), report);
        }
        row(table, sum("together", report.parts()), report);
        table.row("kept of the forward pass", "", ByteSize.format(report.keptBytes()));
        var search = report.search();
        if (search != null) {
            table.row("memory budget", "", ByteSize.format(search.budget()));
            table.row("workspace", "", ByteSize.format(search.planned()));
            table.row("workspace without the budget", "", ByteSize.format(search.without()));
            table.row("estimated time", "", "", "", "+" + percent(search.time(), search.stepTime()));
            table.row("least that fits, at least", "", "", "", "+" + percent(search.leastTime(), search.stepTime()));
        }
        return table;
    }

    private static boolean isLarge(Part part, RecomputeReport report) {
        var all = sum("", report.parts());
        return part.flops() >= LEAST * all.flops() || part.bytes() >= LEAST * all.bytes();
    }

    private static Part sum(String name, List<Part> parts) {
        return new Part(
                name,
                parts.stream().mapToInt(Part::places).sum(),
                parts.stream().mapToLong(Part::bytes).sum(),
                parts.stream().mapToDouble(Part::flops).sum());
    }

    private static void row(Table table, Part part, RecomputeReport report) {
        table.row(
                part.module().isEmpty() ? "the model itself" : part.module(),
                String.valueOf(part.places()),
                ByteSize.format(part.bytes()),
                ExplanationText.count(Math.round(part.flops())),
                "+" + percent(part.flops(), report.flops()));
    }

    private static String percent(double part, double whole) {
        return percent(whole == 0 ? 0 : part / whole);
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }
}
