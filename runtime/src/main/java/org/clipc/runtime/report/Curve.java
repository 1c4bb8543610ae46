package org.clipc.runtime.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A quantity over training steps, drawn as an SVG line with labelled axes.
 *
 * @param points in ascending x; values that are not finite are left out
 */
public record Curve(String label, List<Point> points) {

    /** One value. */
    public record Point(double x, double y) {}

    private static final int WIDTH = 720;
    private static final int HEIGHT = 260;
    private static final int LEFT = 56;
    private static final int BOTTOM = 32;
    private static final int TICKS = 5;

    String svg() {
        var finite = points.stream().filter(p -> Double.isFinite(p.y())).toList();
        if (finite.isEmpty()) {
            return "";
        }
        var maxX = Math.max(1e-12, finite.getLast().x());
        var minY = finite.stream().mapToDouble(Point::y).min().orElse(0);
        var maxY = Math.max(finite.stream().mapToDouble(Point::y).max().orElse(1), minY + 1e-9);
        var line = finite.stream()
                .map(p -> String.format(
                        Locale.ROOT, "%.1f,%.1f", across(p.x() / maxX), down((p.y() - minY) / (maxY - minY))))
                .collect(Collectors.joining(" "));
        var axes = new StringBuilder();
        for (var i = 0; i <= TICKS; i++) {
            var part = i / (double) TICKS;
            axes.append(String.format(
                    Locale.ROOT,
                    "<line x1=\"%d\" x2=\"%d\" y1=\"%4$.1f\" y2=\"%4$.1f\" stroke=\"#e4e4e4\"/>"
                            + "<text x=\"%d\" y=\"%.1f\" font-size=\"11\" text-anchor=\"end\">%.3g</text>"
                            + "<text x=\"%.1f\" y=\"%d\" font-size=\"11\" text-anchor=\"middle\">%.0f</text>%n",
                    LEFT,
                    WIDTH - 8,
                    LEFT - 6,
                    down(part),
                    minY + part * (maxY - minY),
                    across(part),
                    HEIGHT - 10,
                    part * maxX));
        }
        return """
                <figure style="width:auto"><svg viewBox="0 0 %d %d" width="%1$d" height="%2$d" xmlns="http://www.w3.org/2000/svg">
                %s<polyline fill="none" stroke="#2563eb" stroke-width="1.5" points="%s"/>
                </svg><figcaption>%s</figcaption></figure>
                """.formatted(WIDTH, HEIGHT, axes, line, Html.escape(label));
    }

    private static double across(double part) {
        return LEFT + part * (WIDTH - LEFT - 8);
    }

    private static double down(double part) {
        return 10 + (1 - part) * (HEIGHT - BOTTOM - 10);
    }
}
