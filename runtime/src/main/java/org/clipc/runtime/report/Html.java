package org.clipc.runtime.report;

import java.util.List;
import java.util.stream.Collectors;

/** The few HTML pieces that reports are made of. All text arguments are escaped here. */
final class Html {

    private Html() {}

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    static String table(List<String> head, List<List<String>> rows) {
        var body = rows.stream()
                .map(row -> row.stream()
                        .map(cell -> "<td>" + escape(cell) + "</td>")
                        .collect(Collectors.joining()))
                .map(row -> "<tr>" + row + "</tr>\n")
                .collect(Collectors.joining());
        var headings =
                head.stream().map(cell -> "<th>" + escape(cell) + "</th>").collect(Collectors.joining());
        return "<table>\n<thead><tr>" + headings + "</tr></thead>\n<tbody>\n" + body + "</tbody></table>\n";
    }

    static String page(String title, String body) {
        return """
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>%1$s</title>
                <style>
                body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
                table { border-collapse: collapse; margin: 1rem 0; }
                th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right; }
                th:first-child, td:first-child { text-align: left; }
                figure { display: inline-block; margin: .4rem; text-align: center; font-size: 12px; width: 6.5rem; vertical-align: top; }
                figure img { width: 4rem; height: 4rem; border: 1px solid #eee; }
                .row { display: flex; align-items: flex-start; border-top: 1px solid #eee; padding: .4rem 0; }
                .row > :first-child { width: 11rem; flex: none; font-weight: 600; }
                .hit img { outline: 3px solid #2a9d4a; }
                svg { background: #fafafa; border: 1px solid #eee; max-width: 100%%; height: auto; }
                </style>
                </head>
                <body>
                <h1>%1$s</h1>
                %2$s
                </body>
                </html>
                """.formatted(escape(title), body);
    }
}
