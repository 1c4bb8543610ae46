package org.clipc.compiler.explain;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.clipc.compiler.pack.CompileReport;

/** How long the passes took. */
public final class PassTimes {

    private static final double NANOS_PER_MILLI = 1e6;

    private PassTimes() {}

    /** Milliseconds by pass, summed over the entry points, in the order in which passes first run; then the kernels. */
    static Map<String, Double> milliseconds(CompileReport report) {
        var times = new LinkedHashMap<String, Double>();
        for (var entry : report.entries()) {
            entry.passes().forEach(t -> times.merge(t.pass(), t.nanos() / NANOS_PER_MILLI, Double::sum));
        }
        if (report.renderNanos() + report.javacNanos() > 0) {
            times.put("render kernels", report.renderNanos() / NANOS_PER_MILLI);
            times.put("compile kernels", report.javacNanos() / NANOS_PER_MILLI);
        }
        var named = times.values().stream().mapToDouble(Double::doubleValue).sum();
        times.put("everything else", Math.max(0, report.nanos() / NANOS_PER_MILLI - named));
        return times;
    }

    /** One line for every pass of every entry point, with what it did to the number of nodes. */
    public static String table(CompileReport report) {
        var table = new Table().row("", "time", "nodes before", "after");
        for (var entry : report.entries()) {
            for (var timing : entry.passes()) {
                table.row(
                        entry.entry() + ": " + timing.pass(),
                        text(timing.nanos() / NANOS_PER_MILLI),
                        String.valueOf(timing.nodesBefore()),
                        String.valueOf(timing.nodesAfter()));
            }
        }
        table.row("render kernels", text(report.renderNanos() / NANOS_PER_MILLI));
        table.row("compile kernels", text(report.javacNanos() / NANOS_PER_MILLI));
        return table.row("everything", text(report.nanos() / NANOS_PER_MILLI)).text(0);
    }

    static String text(double milliseconds) {
        return String.format(Locale.ROOT, "%.1f ms", milliseconds);
    }
}
