package org.clipc.runtime.report;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.clipc.runtime.io.AtomicFile;

/**
 * What the demo shows at its end, as a page and as a table for the terminal.
 *
 * @param summary lines about the model and the run, such as its parameter count and the time it took
 * @param scores one row per held-out split
 * @param curves loss and the like over training steps
 * @param queries examples of retrieval from text to pictures and from a picture to texts
 */
public record DemoReport(
        String title, List<String> summary, List<Score> scores, List<Curve> curves, List<Query> queries) {

    public DemoReport {
        summary = List.copyOf(summary);
        scores = List.copyOf(scores);
        curves = List.copyOf(curves);
        queries = List.copyOf(queries);
    }

    /**
     * How one method does on one split. All but the counts are fractions of 1.
     *
     * @param split what was held out, such as {@code twemoji, seen concepts}
     * @param method the model, or the baseline
     * @param images how many pictures
     * @param concepts among how many concepts
     * @param top1 picture to concept (zero-shot), right at the first place
     * @param top5 the same, within five places
     * @param textToImage recall at 1, 5 and 10 of the picture for a caption; empty where the method has none
     * @param imageToText recall at 1, 5 and 10 of the caption for a picture; empty where the method has none
     */
    public record Score(
            String split,
            String method,
            int images,
            int concepts,
            double top1,
            double top5,
            List<Double> textToImage,
            List<Double> imageToText) {

        List<String> cells() {
            return List.of(
                    split,
                    method,
                    String.valueOf(images),
                    String.valueOf(concepts),
                    fraction(top1),
                    fraction(top5),
                    recalls(textToImage),
                    recalls(imageToText));
        }

        private static String recalls(List<Double> values) {
            return values.isEmpty() ? "-" : values.stream().map(Score::fraction).collect(Collectors.joining(" / "));
        }

        private static String fraction(double value) {
            return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.3f", value);
        }
    }

    /** A query with what it found, best first. */
    public record Query(String text, Picture picture, List<Found> found) {
        public Query {
            found = List.copyOf(found);
        }

        /** A query by words alone. */
        public Query(String text, List<Found> found) {
            this(text, Picture.NONE, found);
        }
    }

    /** One thing found: a picture with its caption, or a caption alone (no picture). */
    public record Found(String caption, Picture picture, double similarity, boolean right) {}

    private static final List<String> HEAD = List.of(
            "held out",
            "method",
            "pictures",
            "concepts",
            "top-1",
            "top-5",
            "text→image R@1/5/10",
            "image→text R@1/5/10");

    /** The scores as aligned plain text. */
    public String table() {
        var rows = new ArrayList<List<String>>();
        rows.add(HEAD);
        scores.forEach(score -> rows.add(score.cells()));
        var text = new StringBuilder();
        for (var row : rows) {
            for (var column = 0; column < row.size(); column++) {
                var at = column;
                var width =
                        rows.stream().mapToInt(r -> r.get(at).length()).max().orElse(0);
                text.append(column < 2 ? left(row.get(column), width) : right(row.get(column), width))
                        .append(column == row.size() - 1 ? System.lineSeparator() : "  ");
            }
        }
        return text.toString();
    }

    private static String left(String cell, int width) {
        return cell + " ".repeat(width - cell.length());
    }

    private static String right(String cell, int width) {
        return " ".repeat(width - cell.length()) + cell;
    }

    public String html() {
        var rows = scores.stream().map(Score::cells).toList();
        var body = summary.stream()
                        .map(line -> "<p>" + Html.escape(line) + "</p>\n")
                        .collect(Collectors.joining())
                + "<h2>Held-out results</h2>\n"
                + Html.table(HEAD, rows)
                + "<h2>Training</h2>\n"
                + curves.stream().map(Curve::svg).collect(Collectors.joining())
                + "<h2>Queries</h2>\n"
                + queries.stream().map(DemoReport::row).collect(Collectors.joining());
        return Html.page(title, body);
    }

    private static String row(Query query) {
        var asked = query.picture().isNone()
                ? "“" + Html.escape(query.text()) + "”"
                : query.picture().html(query.text()) + "<br>" + Html.escape(query.text());
        var answers = query.found().stream()
                .map(found -> "<figure%s>%s<figcaption>%s (%.2f)</figcaption></figure>"
                        .formatted(
                                found.right() ? " class=\"hit\"" : "",
                                found.picture().html(found.caption()),
                                Html.escape(found.caption()),
                                found.similarity()))
                .collect(Collectors.joining());
        return "<div class=\"row\"><div>" + asked + "</div><div>" + answers + "</div></div>\n";
    }

    /** Writes the page; an existing one stays whole until the new one is complete. */
    public void writeTo(Path file) throws IOException {
        AtomicFile.writeString(file, html());
    }
}
