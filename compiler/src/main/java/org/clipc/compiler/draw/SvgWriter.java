package org.clipc.compiler.draw;

import static org.clipc.compiler.draw.Markup.escape;
import static org.clipc.compiler.draw.Markup.number;

import java.util.List;
import java.util.stream.Stream;
import org.clipc.compiler.draw.Diagram.Kind;
import org.clipc.compiler.draw.Diagram.Tag;
import org.clipc.compiler.draw.Layout.PlacedArrow;
import org.clipc.compiler.draw.Layout.PlacedBox;
import org.clipc.compiler.draw.Layout.PlacedFrame;
import org.clipc.compiler.draw.Layout.Point;
import org.jspecify.annotations.Nullable;

/** A laid out diagram as SVG that any browser or editor shows: no scripts, no outside fonts. */
public final class SvgWriter {

    private static final double HEADER = 62;
    private static final double LEGEND_GAP = 18;
    private static final double LEGEND_ROW = 20;
    private static final String ARROW = "#64748b";
    private static final double CORNER = 6;
    private static final List<String> FRAMES = List.of("#f8fafc", "#f1f5f9", "#e9eef5", "#e2e8f0");

    private final StringBuilder out = new StringBuilder();

    private SvgWriter() {}

    public static String write(Diagram diagram) {
        return new SvgWriter().run(diagram, DiagramLayout.of(diagram));
    }

    private String run(Diagram diagram, Layout layout) {
        var kinds = Stream.of(Kind.values())
                .filter(k -> layout.boxes().stream().anyMatch(b -> b.box().kind() == k))
                .toList();
        var spreads = diagram.spreads();
        var legendWidth = Math.max(
                legendWidth(kinds.stream().map(Kind::says).toList()),
                legendWidth(spreads.stream().map(Spread::says).toList()));
        var width = Math.max(layout.width(), legendWidth + 48);
        var top = HEADER + (spreads.isEmpty() ? 0 : LEGEND_ROW);
        var height = layout.height() + top;
        out.append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%s\" height=\"%s\" viewBox=\"0 0 %s %s\"%n"
                .formatted(number(width), number(height), number(width), number(height)));
        out.append("     font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\">\n");
        out.append("<defs>");
        tip("tip", ARROW);
        spreads.forEach(s -> tip(tip(s), s.stroke()));
        out.append("</defs>\n");
        out.append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        header(diagram, kinds, spreads);
        var shift = (width - layout.width()) / 2;
        out.append("<g transform=\"translate(%s,%s)\">%n".formatted(number(shift), number(top)));
        layout.frames().forEach(this::frame);
        layout.arrows().forEach(this::arrow);
        layout.boxes().forEach(this::box);
        layout.arrows().forEach(this::label);
        return out.append("</g>\n</svg>\n").toString().replace("\r\n", "\n");
    }

    private void tip(String id, String fill) {
        out.append(
                "<marker id=\"%s\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">"
                        .formatted(id));
        out.append("<path d=\"M0,0.8 L7.5,4 L0,7.2 L1.8,4 z\" fill=\"%s\"/></marker>".formatted(fill));
    }

    private static String tip(@Nullable Spread spread) {
        return spread == null ? "tip" : "tip_" + spread.id();
    }

    private void header(Diagram diagram, List<Kind> kinds, List<Spread> spreads) {
        text(24, 26, 16, "font-weight=\"bold\" fill=\"#0f172a\"", diagram.title());
        var titleWidth = TextWidth.of(diagram.title(), 16, true);
        text(24 + titleWidth + 14, 26, 12, "fill=\"#64748b\"", diagram.subtitle());
        var x = 24.0;
        for (var kind : kinds) {
            x += legend(x, 38, kind.says(), kind.fill(), kind.stroke());
        }
        x = 24.0;
        for (var spread : spreads) {
            x += legend(x, 38 + LEGEND_ROW, spread.says(), spread.fill(), spread.stroke());
        }
    }

    /** Returns the width that it takes. */
    private double legend(double x, double y, String says, String fill, String stroke) {
        out.append(
                "<rect x=\"%s\" y=\"%s\" width=\"12\" height=\"12\" rx=\"3\" fill=\"%s\" stroke=\"%s\" stroke-width=\"1.2\"/>%n"
                        .formatted(number(x), number(y), fill, stroke));
        text(x + 17, y + 10, 11, "fill=\"#475569\"", says);
        return legendWidth(List.of(says));
    }

    private static double legendWidth(List<String> says) {
        return says.stream()
                .mapToDouble(s -> 17 + TextWidth.of(s, 11, false) + LEGEND_GAP)
                .sum();
    }

    private void frame(PlacedFrame frame) {
        var at = frame.at();
        var fill = FRAMES.get(Math.min(frame.level(), FRAMES.size() - 1));
        out.append(
                "<rect class=\"frame\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"8\" fill=\"%s\" stroke=\"#cbd5e1\"/>%n"
                        .formatted(number(at.x()), number(at.y()), number(at.width()), number(at.height()), fill));
        text(at.x() + 12, at.y() + 19, 12, "font-weight=\"bold\" fill=\"#334155\"", frame.label());
    }

    private void box(PlacedBox placed) {
        var box = placed.box();
        var at = placed.at();
        var round = box.kind() == Kind.INPUT ? at.height() / 2 : CORNER;
        out.append("<g class=\"box\" id=\"b%d\"><title>%s</title>".formatted(box.id(), escape(box.hover())));
        out.append(
                "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"%s\" fill=\"%s\" stroke=\"%s\" stroke-width=\"%s\"/>"
                        .formatted(
                                number(at.x()),
                                number(at.y()),
                                number(at.width()),
                                number(at.height()),
                                number(Math.min(round, 16)),
                                box.kind().fill(),
                                box.kind().stroke(),
                                number(box.kind().strokeWidth())));
        var x = at.x() + at.width() / 2;
        var rows = box.lines().size() + box.tags().size();
        var y = at.y() + at.height() / 2 - rows * DiagramLayout.LINE / 2 + 11.5;
        for (var i = 0; i < box.lines().size(); i++) {
            var style = i == 0 ? "font-weight=\"bold\" fill=\"#0f172a\"" : "fill=\"#475569\"";
            text(
                    x,
                    y + i * DiagramLayout.LINE,
                    i == 0 ? DiagramLayout.TITLE_SIZE : DiagramLayout.TEXT_SIZE,
                    "text-anchor=\"middle\" " + style,
                    box.lines().get(i));
        }
        for (var i = 0; i < box.tags().size(); i++) {
            tag(box.tags().get(i), x, y + (box.lines().size() + i) * DiagramLayout.LINE);
        }
        out.append("</g>\n");
    }

    private void tag(Tag tag, double x, double baseline) {
        var width = TextWidth.of(tag.text(), DiagramLayout.LABEL_SIZE, false) + 10;
        out.append(
                "<rect class=\"tag\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"13\" rx=\"6.5\" fill=\"%s\" stroke=\"%s\" stroke-width=\"0.8\"/>"
                        .formatted(
                                number(x - width / 2),
                                number(baseline - 10),
                                number(width),
                                tag.spread().fill(),
                                tag.spread().stroke()));
        text(x, baseline, DiagramLayout.LABEL_SIZE, "text-anchor=\"middle\" fill=\"#0f172a\"", tag.text());
    }

    private void arrow(PlacedArrow arrow) {
        if (arrow.points().isEmpty()) {
            return;
        }
        var spread = arrow.arrow().spread();
        out.append(
                "<g class=\"arrow\" data-from=\"b%d\" data-to=\"b%d\"><title>%s</title><path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" marker-end=\"url(#%s)\"/></g>%n"
                        .formatted(
                                arrow.arrow().from(),
                                arrow.arrow().to(),
                                escape(arrow.arrow().hover()),
                                path(arrow.points()),
                                spread == null ? ARROW : spread.stroke(),
                                spread == null ? "1.1" : "1.6",
                                tip(spread)));
    }

    /** Straight runs with rounded corners. */
    private static String path(List<Point> points) {
        var path = new StringBuilder("M" + point(points.getFirst()));
        for (var i = 1; i < points.size() - 1; i++) {
            var corner = points.get(i);
            var before = towards(corner, points.get(i - 1));
            var after = towards(corner, points.get(i + 1));
            path.append(" L%s Q%s %s".formatted(point(before), point(corner), point(after)));
        }
        return path.append(" L").append(point(points.getLast())).toString();
    }

    private static Point towards(Point from, Point to) {
        var dx = to.x() - from.x();
        var dy = to.y() - from.y();
        var length = Math.hypot(dx, dy);
        var step = Math.min(CORNER, length / 2);
        return length == 0 ? from : new Point(from.x() + dx / length * step, from.y() + dy / length * step);
    }

    private static String point(Point p) {
        return number(p.x()) + "," + number(p.y());
    }

    /** After the boxes, so that nothing covers it. */
    private void label(PlacedArrow arrow) {
        if (arrow.arrow().label().isEmpty()) {
            return;
        }
        var at = arrow.label();
        text(
                at.x() + at.width() / 2,
                at.y() + at.height() - 3.5,
                DiagramLayout.LABEL_SIZE,
                "class=\"type\" text-anchor=\"middle\" fill=\"#64748b\" paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"2.5\"",
                arrow.arrow().label());
    }

    private void text(double x, double y, double size, String attributes, String content) {
        out.append("<text x=\"%s\" y=\"%s\" font-size=\"%s\" %s>%s</text>%n"
                .formatted(number(x), number(y), number(size), attributes, escape(content)));
    }
}
