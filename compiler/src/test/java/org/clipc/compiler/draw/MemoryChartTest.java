package org.clipc.compiler.draw;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.clipc.compiler.draw.MemoryChart.Tenant;
import org.clipc.compiler.memory.Interval;
import org.clipc.compiler.memory.PlanMemory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;

class MemoryChartTest {

    /** As in training: layer by layer upwards, what each keeps is used on the way back. */
    private static List<Interval> training(int layers, long seed) {
        var random = new Random(seed);
        var intervals = new ArrayList<Interval>();
        var steps = 8 * layers;
        for (var layer = 0; layer < layers; layer++) {
            for (var i = 0; i < 4; i++) {
                var first = 4 * layer + i;
                var last = i % 2 == 0 ? steps - first : first + 2;
                intervals.add(
                        new Interval(intervals.size(), "layer " + layer, 1000 + random.nextInt(9000), first, last));
            }
        }
        return intervals;
    }

    private static String chart(int layers, long seed) {
        var plan = PlanMemory.plan(training(layers, seed), 8 * layers);
        var tenants = plan.placements().stream()
                .map(p -> new Tenant(
                        p.interval().name() + " <&>",
                        "tower." + p.interval().buffer() % 12,
                        p.interval().bytes(),
                        p.offset(),
                        p.interval().first(),
                        p.interval().last()))
                .toList();
        return MemoryChart.write("train_step", tenants, plan.steps(), plan.bytes());
    }

    @Test
    void everyTensorIsARectangleWithinThePlot() throws Exception {
        var svg = GraphDrawingTest.parse(chart(24, 1));
        var tenants = new ArrayList<Element>();
        var all = svg.getElementsByTagName("rect");
        for (var i = 0; i < all.getLength(); i++) {
            if (all.item(i) instanceof Element e && e.getAttribute("class").equals("tenant")) {
                tenants.add(e);
            }
        }
        assertThat(tenants).hasSize(4 * 24).allSatisfy(e -> {
            var x = number(e, "x");
            var y = number(e, "y");
            assertThat(x).isBetween(92.0, 1252.0);
            assertThat(x + number(e, "width")).isBetween(92.0, 1252.1);
            assertThat(y).isBetween(73.9, 634.0);
            assertThat(y + number(e, "height")).isLessThan(634.1);
            assertThat(e.getTextContent()).contains("layer ", " <&>", " at offset ");
        });
    }

    private static double number(Element element, String attribute) {
        return Double.parseDouble(element.getAttribute(attribute));
    }

    @Test
    void aPlanOfNothingIsAnEmptyChart() throws Exception {
        var svg = GraphDrawingTest.parse(MemoryChart.write("empty", List.of(), 0, 0));
        assertThat(svg.getDocumentElement().getTextContent()).contains("0 tensors");
    }
}
