package org.clipc.compiler.explain;

import java.util.ArrayList;
import java.util.List;

/** Rows of text in columns; the first column is left-aligned, all others right-aligned. */
public final class Table {

    private static final int GAP = 3;

    private final List<List<String>> rows = new ArrayList<>();

    public Table row(String... cells) {
        rows.add(List.of(cells));
        return this;
    }

    /** Lines, each ended by a newline and indented by {@code indent} spaces. */
    public String text(int indent) {
        var columns = rows.stream().mapToInt(List::size).max().orElse(0);
        var widths = new int[columns];
        for (var row : rows) {
            for (var c = 0; c < row.size(); c++) {
                widths[c] = Math.max(widths[c], width(row.get(c)));
            }
        }
        var out = new StringBuilder();
        for (var row : rows) {
            var line = new StringBuilder(" ".repeat(indent));
            for (var c = 0; c < row.size(); c++) {
                var padding = " ".repeat(widths[c] - width(row.get(c)));
                line.append(c == 0 ? row.get(c) + padding : " ".repeat(GAP) + padding + row.get(c));
            }
            out.append(line.toString().stripTrailing()).append('\n');
        }
        return out.toString();
    }

    private static int width(String cell) {
        return cell.codePointCount(0, cell.length());
    }
}
