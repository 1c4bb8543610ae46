package org.clipc.compiler.plan;

import java.util.Locale;
import java.util.stream.Collectors;
import org.clipc.compiler.config.ByteSize;
import org.clipc.compiler.explain.ExplanationText;
import org.clipc.compiler.explain.Table;

/** A plan as a table to read. */
public final class PlanText {

    private static final int INDENT = 2;

    private PlanText() {}

    /**
     * @param what is planned, for the heading
     * @param most lines of the table
     */
    public static String of(Plan plan, String what, int most) {
        var cluster = plan.cluster();
        var out = new StringBuilder();
        out.append("%s on %d GPUs (%s, %d a node), %s of %s each for the program%n%n"
                .formatted(
                        what,
                        plan.gpus(),
                        cluster.name(),
                        cluster.gpusPerNode(),
                        ByteSize.format(cluster.usable()),
                        ByteSize.format(cluster.memory())));
        if (plan.feasible().isEmpty()) {
            out.append("No way to divide it fits.\n");
        } else {
            ways(plan, most, out);
        }
        if (!plan.infeasible().isEmpty()) {
            out.append("\nNot possible\n");
            var table = new Table();
            plan.infeasible().forEach((reason, count) -> table.row(reason, String.valueOf(count)));
            out.append(table.text(INDENT));
        }
        return out.toString().replace("\r\n", "\n");
    }

    private static void ways(Plan plan, int most, StringBuilder out) {
        var count = plan.feasible().size();
        out.append(
                        count <= most
                                ? "What fits, the fastest first"
                                : "The fastest %d of %d ways that fit".formatted(most, count))
                .append("; bytes and arithmetic of each rank, times estimated\n");
        var table = new Table()
                .row(
                        "recompute",
                        "tp",
                        "dp",
                        "micro-batches",
                        "memory",
                        "weights",
                        "optimizer",
                        "sums",
                        "workspace",
                        "arithmetic",
                        "sent",
                        "step",
                        "waiting",
                        "samples/s");
        plan.feasible().stream().limit(most).forEach(e -> table.row(row(e)));
        out.append(table.text(INDENT));
        out.append("\nFor the first, set\n  ")
                .append(plan.feasible().getFirst().candidate().overrides().stream()
                        .collect(Collectors.joining(" ")))
                .append('\n');
    }

    private static String[] row(Estimate e) {
        var time = e.time();
        return new String[] {
            e.candidate().recompute().text(),
            String.valueOf(e.candidate().mesh().tensor()),
            String.valueOf(e.candidate().mesh().data()),
            batches(e.candidate().batch()),
            ByteSize.format(e.memory()),
            ByteSize.format(e.parameters()),
            ByteSize.format(e.optimizer()),
            ByteSize.format(e.sums()),
            ByteSize.format(e.workspace()),
            ExplanationText.count(e.flops()),
            ByteSize.format(e.communication().sent()),
            milliseconds(time.seconds()),
            milliseconds(time.tensor() + time.data()),
            String.format(Locale.ROOT, "%,.0f", e.samplesPerSecond())
        };
    }

    private static String batches(RankBatch batch) {
        return batch.microBatches() + " × " + batch.microBatch();
    }

    private static String milliseconds(double seconds) {
        return String.format(Locale.ROOT, "%.1f ms", 1e3 * seconds);
    }
}
