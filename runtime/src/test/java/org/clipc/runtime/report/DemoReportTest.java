package org.clipc.runtime.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoReportTest {

    private static final DemoReport REPORT = new DemoReport(
            "Emoji <demo>",
            List.of("1.8 M parameters & 12 minutes"),
            List.of(
                    new DemoReport.Score(
                            "twemoji, seen",
                            "model",
                            1400,
                            1500,
                            0.6123,
                            0.85,
                            List.of(0.5, 0.7, 0.8),
                            List.of(0.6, 0.75, 0.82)),
                    new DemoReport.Score(
                            "twemoji, seen", "pixels", 1400, 1500, 0.42, Double.NaN, List.of(), List.of())),
            List.of(new Curve(
                    "loss", List.of(new Curve.Point(0, 4), new Curve.Point(50, Double.NaN), new Curve.Point(100, 1)))),
            List.of(
                    new DemoReport.Query(
                            "a \"red\" <heart>",
                            List.of(new DemoReport.Found("red heart", Picture.of(new byte[] {1, 2}), 0.9, true))),
                    new DemoReport.Query(
                            "cat",
                            Picture.of(new byte[] {3}),
                            List.of(new DemoReport.Found("dog", Picture.NONE, 0.1, false)))));

    @Test
    void theTableAlignsAndMarksWhatIsMissing() {
        var lines = REPORT.table().lines().toList();
        assertThat(lines).hasSize(3);
        assertThat(lines.stream().map(String::length).distinct()).hasSize(1);
        assertThat(lines.get(1)).contains("0.612").contains("0.500 / 0.700 / 0.800");
        assertThat(lines.get(2)).contains("0.420").contains(" - ");
    }

    @Test
    void theSvgIsWellFormedAndSkipsWhatIsNotFinite() throws Exception {
        var figure = REPORT.curves().getFirst().svg();
        var svg = figure.substring(figure.indexOf("<svg"), figure.indexOf("</svg>") + 6);
        var document = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
        var points = document.getElementsByTagName("polyline")
                .item(0)
                .getAttributes()
                .getNamedItem("points")
                .getNodeValue();
        assertThat(points.split(" ")).hasSize(2);
        assertThat(new Curve("empty", List.of(new Curve.Point(1, Double.NaN))).svg())
                .isEmpty();
    }

    @Test
    void everyTextIsEscapedAndEveryPictureInside(@TempDir Path folder) throws IOException {
        REPORT.writeTo(folder.resolve("report.html"));
        var html = Files.readString(folder.resolve("report.html"));
        assertThat(html)
                .contains("Emoji &lt;demo&gt;", "1.8 M parameters &amp; 12", "a &quot;red&quot; &lt;heart&gt;")
                .contains("data:image/png;base64,AQI=")
                .contains("class=\"hit\"")
                .doesNotContain("<heart>");
        assertThat(Pattern.compile("src=\"http").matcher(html).find()).isFalse();
    }
}
