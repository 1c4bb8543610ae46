package org.clipc.compiler.explain;

import java.util.Locale;
import org.clipc.compiler.config.ByteSize;
import org.clipc.ir.MeshAxis;

/** An explanation as tables to read. */
public final class ExplanationText {

    private static final int INDENT = 2;

    private ExplanationText() {}

    public static String of(Explanation e) {
        var out = new StringBuilder();
        out.append(e.model()).append(" with ").append(e.recipe()).append("\n\n");
        section(out, "Parameters", parameters(e.parameters()));
        section(out, "Arithmetic (matrix products; a multiply-add is two)", flops(e));
        var training = e.training();
        if (training != null) {
            var device = training.ranks() == 1 ? "" : " of each of " + training.ranks() + " ranks";
            section(out, "Memory" + device + " to train on " + batches(training), memory(training));
        }
        var recompute = e.recompute();
        if (recompute != null) {
            section(out, "Computed again in a training step", RecomputeText.table(recompute));
        }
        if (!e.communication().collectives().isEmpty()) {
            section(out, "Bytes that each rank sends in a training step", communication(e.communication()));
        }
        if (!e.entries().isEmpty()) {
            section(out, "Entry points", entries(e));
        }
        section(out, "Modules", modules(e));
        if (!e.timings().isEmpty()) {
            section(out, "Compile time by pass", timings(e));
        }
        return out.toString().stripTrailing() + "\n";
    }

    private static void section(StringBuilder out, String title, Table table) {
        out.append(title).append('\n').append(table.text(INDENT)).append('\n');
    }

    private static Table parameters(Explanation.Parameters p) {
        var table = new Table()
                .row("image tower", grouped(p.vision()))
                .row("text tower", grouped(p.text()))
                .row("total", grouped(p.total()));
        return p.trainable() == p.total() ? table : table.row("trainable", grouped(p.trainable()));
    }

    private static Table flops(Explanation e) {
        var flops = e.flops();
        var table = new Table()
                .row("one image", count(flops.image()))
                .row("one caption", count(flops.text()))
                .row("forward, per sample", count(flops.forwardPerSample()));
        var training = e.training();
        return flops.trainStep() == 0 || training == null
                ? table
                : table.row("training step on " + batches(training), count(flops.trainStep()));
    }

    private static String batches(Explanation.Training training) {
        return training.microBatches() == 1
                ? "a micro-batch of " + training.microBatch()
                : training.microBatches() + " micro-batches of " + training.microBatch();
    }

    /** Every exchange of a training step, in order. */
    public static String ofCommunication(Explanation e) {
        var table = new Table();
        for (var c : e.communication().collectives()) {
            var from = c.path().isEmpty() ? "(model)" : c.path();
            table.row(
                    from + (c.tensors() > 1 ? " and " + (c.tensors() - 1) + " more" : ""),
                    c.op(),
                    c.ranks() + " " + c.axis().text() + " ranks",
                    (c.times() > 1 ? c.times() + " × " : "") + ByteSize.format(c.sent()));
        }
        table.row("total", "", "", ByteSize.format(e.communication().sent()));
        return "Exchanges of a training step, with the bytes that each rank sends\n" + table.text(INDENT);
    }

    private static Table communication(Communication communication) {
        return new Table()
                .row("to data-parallel ranks", ByteSize.format(communication.sent(MeshAxis.DATA)))
                .row("to tensor-parallel ranks", ByteSize.format(communication.sent(MeshAxis.TENSOR)));
    }

    private static Table memory(Explanation.Training t) {
        var table = new Table()
                .row("parameters", ByteSize.format(t.parameters()))
                .row("optimizer", ByteSize.format(t.optimizer()));
        if (t.gradients() > 0) {
            table.row("sums of gradients", ByteSize.format(t.gradients()));
        }
        return table.row("workspace", ByteSize.format(t.workspace())).row("peak", ByteSize.format(t.peak()));
    }

    private static Table entries(Explanation e) {
        var table = new Table().row("", "batch", "nodes", "calls", "kernels", "workspace");
        e.entries()
                .forEach(entry -> table.row(
                        entry.name(),
                        grouped(entry.batch()),
                        grouped(entry.nodes()),
                        grouped(entry.calls()),
                        grouped(entry.kernels()),
                        ByteSize.format(entry.workspace())));
        return table.row("together", "", "", "", grouped(e.kernels()), "");
    }

    private static Table modules(Explanation e) {
        var table = new Table().row("", "parameters", "share", "forward", "share");
        for (var row : e.modules()) {
            table.row(
                    "  ".repeat(row.depth()) + row.name() + (row.count() > 1 ? " ×" + row.count() : ""),
                    row.parameters() == 0 ? "" : grouped(row.parameters()),
                    share(row.parameters(), e.parameters().total()),
                    row.flops() == 0 ? "" : count(row.flops()),
                    share(row.flops(), e.flops().forwardPerSample()));
        }
        return table;
    }

    private static Table timings(Explanation e) {
        var table = new Table();
        e.timings().forEach((pass, ms) -> table.row(pass, PassTimes.text(ms)));
        var sum = e.timings().values().stream().mapToDouble(Double::doubleValue).sum();
        return table.row("together", PassTimes.text(sum));
    }

    static String grouped(long n) {
        return String.format(Locale.ROOT, "%,d", n);
    }

    /** {@code 14.78 GFLOP}. */
    public static String count(long flops) {
        var units = new String[] {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"};
        var amount = (double) flops;
        var unit = 0;
        while (amount >= 1000 && unit < units.length - 1) {
            amount /= 1000;
            unit++;
        }
        return unit == 0 ? flops + " FLOP" : String.format(Locale.ROOT, "%.2f %s", amount, units[unit]);
    }

    private static String share(long part, long whole) {
        return part == 0 || whole == 0 ? "" : String.format(Locale.ROOT, "%.1f %%", 100.0 * part / whole);
    }
}
