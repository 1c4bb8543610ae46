package org.clipc.compiler.draw;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** A diagram as one page that needs nothing else: the SVG, with panning, zooming and a filter. */
public final class HtmlWriter {

    private HtmlWriter() {}

    public static String write(Diagram diagram) {
        return template()
                .replace("{{title}}", Markup.escape(diagram.title()))
                .replace("{{svg}}", SvgWriter.write(diagram));
    }

    private static String template() {
        try (var in = HtmlWriter.class.getResourceAsStream("diagram.html")) {
            if (in == null) {
                throw new IllegalStateException("the resource diagram.html is missing");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
