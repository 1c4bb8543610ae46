package org.clipc.compiler.draw;

import static org.clipc.compiler.draw.Markup.escape;
import static org.clipc.compiler.draw.Markup.number;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.clipc.compiler.config.ByteSize;

/**
 * A memory plan as SVG: time runs to the right in steps of the schedule, addresses grow upwards, every tensor is a
 * rectangle in its module's colour. A line above the rectangles shows how many bytes are in use at each step: what is
 * white below it is fragmentation.
 */
public final class MemoryChart {

    private static final double WIDTH = 1160;
    private static final double HEIGHT = 560;
    private static final double LEFT = 92;
    private static final double TOP = 74;
    private static final double BOTTOM = 46;
    private static final double RIGHT = 24;
    private static final int LEGEND = 9;
    private static final double LEGEND_ROW = 19;
    private static final List<String> COLORS =
            List.of("#6366f1", "#f59e0b", "#10b981", "#ec4899", "#06b6d4", "#84cc16", "#f97316", "#8b5cf6", "#14b8a6");
    private static final String OTHER = "#94a3b8";

    /**
     * A tensor at its place.
     *
     * @param module that computes it, by which it is coloured; empty for none
     * @param first step that it exists in; -1 if it is there from the start
     * @param last step that it exists in; the number of steps if it outlives the last
     */
    public record Tenant(String name, String module, long bytes, long offset, int first, int last) {}

    private final String title;
    private final List<Tenant> tenants;
    private final int steps;
    private final long bytes;
    private final Map<String, String> colors;
    private final StringBuilder out = new StringBuilder();

    private MemoryChart(String title, List<Tenant> tenants, int steps, long bytes) {
        this.title = title;
        this.tenants = tenants;
        this.steps = Math.max(1, steps);
        this.bytes = Math.max(1, bytes);
        colors = colors(tenants);
    }

    /** @param bytes size of the memory that the tenants share */
    public static String write(String title, List<Tenant> tenants, int steps, long bytes) {
        return new MemoryChart(title, tenants, steps, bytes).run();
    }

    /** A colour for each of the modules that hold most memory for longest. */
    private static Map<String, String> colors(List<Tenant> tenants) {
        var weights = new HashMap<String, Double>();
        for (var t : tenants) {
            weights.merge(t.module, (double) t.bytes * (t.last - t.first + 1), Double::sum);
        }
        var colors = new LinkedHashMap<String, String>();
        weights.entrySet().stream()
                .sorted(Comparator.comparingDouble((Map.Entry<String, Double> e) -> -e.getValue())
                        .thenComparing(Map.Entry::getKey))
                .limit(LEGEND)
                .forEach(e -> colors.put(e.getKey(), COLORS.get(colors.size())));
        return colors;
    }

    private String run() {
        var live = live();
        var most = 0L;
        var when = 0;
        for (var s = 0; s < live.length; s++) {
            if (live[s] > most) {
                most = live[s];
                when = s - 1;
            }
        }
        var legendRows = legendRows();
        var width = LEFT + WIDTH + RIGHT;
        var height = TOP + HEIGHT + BOTTOM + legendRows.size() * LEGEND_ROW + 12;
        out.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%s\" height=\"%s\" viewBox=\"0 0 %s %s\""
                .formatted(number(width), number(height), number(width), number(height)));
        out.append(" font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\">\n");
        out.append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        text(LEFT, 28, 16, "font-weight=\"bold\" fill=\"#0f172a\"", title);
        text(
                LEFT,
                50,
                12,
                "fill=\"#475569\"",
                "%s for %d tensors over %d steps; at most %s in use at once (step %d)"
                        .formatted(ByteSize.format(bytes), tenants.size(), steps, ByteSize.format(most), when));
        axes();
        out.append("<g stroke=\"#ffffff\" stroke-width=\"0.25\">\n");
        tenants.forEach(this::tenant);
        out.append("</g>\n");
        line(live);
        legend(legendRows);
        return out.append("</svg>\n").toString();
    }

    /** Bytes in use, from before the first step to after the last. */
    private long[] live() {
        var live = new long[steps + 2];
        for (var t : tenants) {
            for (var s = t.first; s <= Math.min(t.last, steps); s++) {
                live[s + 1] += t.bytes;
            }
        }
        return live;
    }

    private static String fine(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }

    private double x(double step) {
        return LEFT + (step + 1) / (steps + 2) * WIDTH;
    }

    private double y(double address) {
        return TOP + HEIGHT - address / bytes * HEIGHT;
    }

    private void axes() {
        out.append("<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"#f8fafc\" stroke=\"#cbd5e1\"/>\n"
                .formatted(number(LEFT), number(TOP), number(WIDTH), number(HEIGHT)));
        for (var tick = 0L; tick <= bytes; tick += byteTick()) {
            rule(LEFT, y((double) tick), LEFT + WIDTH, y((double) tick));
            text(LEFT - 8, y((double) tick) + 4, 11, "text-anchor=\"end\" fill=\"#475569\"", ByteSize.format(tick));
        }
        for (var tick = 0; tick <= steps; tick += stepTick()) {
            rule(x(tick), TOP + HEIGHT, x(tick), TOP + HEIGHT + 5);
            text(x(tick), TOP + HEIGHT + 18, 11, "text-anchor=\"middle\" fill=\"#475569\"", String.valueOf(tick));
        }
        text(
                LEFT + WIDTH / 2,
                TOP + HEIGHT + 36,
                11,
                "text-anchor=\"middle\" fill=\"#475569\"",
                "step of the schedule");
    }

    /** A power of two that divides the axis into four to eight parts. */
    private long byteTick() {
        return Math.max(1, Long.highestOneBit(bytes) / 4);
    }

    private int stepTick() {
        var tick = 1;
        for (var factor = 0; steps / tick > 12; factor++) {
            tick = factor % 3 == 1 ? tick / 2 * 5 : tick * 2;
        }
        return tick;
    }

    private void rule(double x1, double y1, double x2, double y2) {
        out.append("<path d=\"M%s,%s L%s,%s\" stroke=\"#e2e8f0\"/>\n"
                .formatted(number(x1), number(y1), number(x2), number(y2)));
    }

    private void tenant(Tenant t) {
        var hover = "%s%s\n%s at offset %d\nsteps %d to %d"
                .formatted(
                        t.module.isEmpty() ? "" : t.module + ": ",
                        t.name,
                        ByteSize.format(t.bytes),
                        t.offset,
                        t.first,
                        t.last);
        var left = x(t.first - 0.5);
        var right = x(Math.min(t.last, steps) + 0.5);
        out.append(
                "<rect class=\"tenant\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"%s\"><title>%s</title></rect>\n"
                        .formatted(
                                fine(left),
                                fine(y((double) (t.offset + t.bytes))),
                                fine(right - left),
                                fine(Math.max(0.05, (double) t.bytes / bytes * HEIGHT)),
                                colors.getOrDefault(t.module, OTHER),
                                escape(hover)));
    }

    private void line(long[] live) {
        var path = new StringBuilder();
        for (var s = 0; s < live.length; s++) {
            path.append(path.isEmpty() ? "M" : " L")
                    .append(fine(x(s - 1.5)))
                    .append(',')
                    .append(fine(y((double) live[s])))
                    .append(" H")
                    .append(fine(x(s - 0.5)));
        }
        out.append("<path d=\"").append(path).append("\" fill=\"none\" stroke=\"#0f172a\" stroke-width=\"1.1\"/>\n");
    }

    private record Entry(String label, String color, double width) {}

    private List<List<Entry>> legendRows() {
        var entries = new ArrayList<Entry>();
        colors.forEach((module, color) -> entries.add(entry(module.isEmpty() ? "(no module)" : module, color)));
        if (tenants.stream().anyMatch(t -> !colors.containsKey(t.module))) {
            entries.add(entry("others", OTHER));
        }
        var rows = new ArrayList<List<Entry>>();
        var used = Double.MAX_VALUE;
        for (var entry : entries) {
            if (used + entry.width > WIDTH) {
                rows.add(new ArrayList<>());
                used = 0;
            }
            rows.getLast().add(entry);
            used += entry.width;
        }
        return rows;
    }

    private static Entry entry(String label, String color) {
        return new Entry(label, color, TextWidth.of(label, 11, false) + 38);
    }

    private void legend(List<List<Entry>> rows) {
        var y = TOP + HEIGHT + BOTTOM + 10;
        for (var row : rows) {
            var x = LEFT;
            for (var entry : row) {
                out.append("<rect x=\"%s\" y=\"%s\" width=\"12\" height=\"12\" rx=\"3\" fill=\"%s\"/>\n"
                        .formatted(number(x), number(y - 10), entry.color));
                text(x + 17, y, 11, "fill=\"#334155\"", entry.label);
                x += entry.width;
            }
            y += LEGEND_ROW;
        }
    }

    private void text(double x, double y, double size, String attributes, String content) {
        out.append("<text x=\"%s\" y=\"%s\" font-size=\"%s\" %s>%s</text>\n"
                .formatted(number(x), number(y), number(size), attributes, escape(content)));
    }
}
