package org.clipc.compiler.draw;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;
import org.assertj.core.api.SoftAssertions;
import org.clipc.compiler.draw.Layout.Rectangle;
import org.clipc.compiler.shard.Partition;
import org.clipc.compiler.shard.ShardedGraph;
import org.clipc.compiler.shard.Sharding;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.ir.testing.RandomGraphs;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

class GraphDrawingTest {

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void everyNodeOfARandomGraphIsInThePicture(long seed) throws Exception {
        var graph = RandomGraphs.graph(seed, 70).graph();
        var diagram = GraphDiagram.of(graph, 99);
        var svg = parse(SvgWriter.write(diagram));
        var text = svg.getDocumentElement().getTextContent();
        var users = graph.users();
        for (var i = 0; i < graph.nodes().size(); i++) {
            assertThat(text).as("seed %d, users %s", seed, users.get(i)).contains("%" + i + " = ");
        }
        assertThat(elements(svg, "box"))
                .extracting(e -> e.getAttribute("id"))
                .containsExactlyInAnyOrderElementsOf(
                        diagram.boxes().stream().map(b -> "b" + b.id()).toList());
        assertThat(elements(svg, "arrow")).hasSameSizeAs(diagram.arrows());
    }

    @Test
    void alikeBlocksAreDrawnOnce() {
        var deep = GraphDiagram.of(SampleGraphs.loss(12), 99);
        var shallow = GraphDiagram.of(SampleGraphs.loss(2), 99);
        assertThat(deep.boxes()).hasSameSizeAs(shallow.boxes());
        assertThat(frames(deep))
                .filteredOn(f -> f.equals("transformer.resblocks.0…11  ×12"))
                .hasSize(2);
        assertThat(deep.arrows()).hasSameSizeAs(shallow.arrows());
    }

    @Test
    void depthDecidesWhichModulesAreOpened() {
        var graph = SampleGraphs.loss(3);
        var closed = GraphDiagram.of(graph, 0);
        assertThat(frames(closed)).containsExactlyInAnyOrder("from images", "from tokens");
        assertThat(closed.boxes())
                .extracting(b -> b.lines().getFirst())
                .contains("visual", "transformer", "ln_final", "images", "tokens", "loss");
        assertThat(closed.subtitle()).isEqualTo(graph.nodes().size() + " nodes, modules opened to depth 0");
        assertThat(GraphDiagram.of(graph, 1).boxes())
                .hasSizeGreaterThan(closed.boxes().size());
    }

    @Test
    void parametersAndConstantsAreLinesInTheBoxesThatUseThem() {
        var lines = GraphDiagram.of(SampleGraphs.loss(2), 99).boxes().stream()
                .map(b -> String.join(", ", b.lines()))
                .toList();
        assertThat(lines)
                .contains("layer norm, weight [96], bias [96]", "matmul, in_proj_weight [288,96]", "mul, 1.702")
                .noneMatch(l -> l.startsWith("broadcast"));
    }

    @Test
    void trainingGraphsAreDrawnInPhases() {
        var diagram = GraphDiagram.of(SampleGraphs.trainStep(4));
        assertThat(diagram.root().modules())
                .extracting(Diagram.Module::label)
                .containsExactly("forward", "backward", "update");
        assertThat(diagram.arrows()).extracting(Diagram.Arrow::label).anyMatch(l -> l.contains(" saved tensors, "));
        assertThat(diagram.arrows()).extracting(Diagram.Arrow::label).anyMatch(l -> l.contains(" gradients, "));
    }

    @Test
    void towersStandSideBySide() {
        var diagram = GraphDiagram.of(SampleGraphs.loss(2));
        assertThat(diagram.root().modules())
                .extracting(Diagram.Module::label)
                .containsExactlyInAnyOrder("from images", "from tokens");
        var layout = DiagramLayout.of(diagram);
        var frames = layout.frames().stream().filter(f -> f.level() == 0).toList();
        assertThat(frames).hasSize(2);
        var left = frames.getFirst().at();
        var right = frames.getLast().at();
        assertThat(left.x() + left.width() <= right.x() || right.x() + right.width() <= left.x())
                .isTrue();
        assertThat(Math.min(left.y() + left.height(), right.y() + right.height()))
                .isGreaterThan(Math.max(left.y(), right.y()));
    }

    @Test
    void largeGraphsStayReadable() {
        var graph = SampleGraphs.trainStep(24);
        assertThat(graph.nodes()).hasSizeGreaterThan(4800);
        assertThat(GraphDiagram.of(graph).boxes()).hasSizeBetween(10, GraphDiagram.COMFORTABLE);
        assertThat(GraphDiagram.of(graph, 99).boxes()).hasSizeLessThan(GraphDiagram.MOST);
    }

    @Test
    void boxesDoNotOverlapAndArrowsEndAtThem() {
        var layout = DiagramLayout.of(GraphDiagram.of(SampleGraphs.trainStep(3), 2));
        var soft = new SoftAssertions();
        for (var a : layout.boxes()) {
            for (var b : layout.boxes()) {
                if (a.box().id() < b.box().id() && overlap(a.at(), b.at())) {
                    soft.fail("%s overlaps %s", a, b);
                }
            }
        }
        var places =
                layout.boxes().stream().collect(Collectors.toMap(b -> b.box().id(), Layout.PlacedBox::at));
        for (var arrow : layout.arrows()) {
            var from = places.get(arrow.arrow().from());
            var to = places.get(arrow.arrow().to());
            if (from != null && to != null) {
                var start = arrow.points().getFirst();
                var end = arrow.points().getLast();
                soft.assertThat(start.y()).as("%s", arrow).isCloseTo(from.y() + from.height(), within());
                soft.assertThat(end.y()).as("%s", arrow).isCloseTo(to.y(), within());
                soft.assertThat(end.x()).isBetween(to.x(), to.x() + to.width());
            }
        }
        soft.assertAll();
    }

    private static org.assertj.core.data.Offset<Double> within() {
        return org.assertj.core.data.Offset.offset(0.6);
    }

    private static boolean overlap(Rectangle a, Rectangle b) {
        return a.x() < b.x() + b.width()
                && b.x() < a.x() + a.width()
                && a.y() < b.y() + b.height()
                && b.y() < a.y() + a.height();
    }

    @Test
    void dotNamesEveryBoxAndQuotesWhatItMust() {
        var graph = RandomGraphs.graph(7, 60).graph();
        var diagram = GraphDiagram.of(graph, 99);
        var dot = DotWriter.write(diagram);
        var declared = Pattern.compile("(?m)^ *b(\\d+) \\[label=").matcher(dot).results();
        assertThat(declared.map(m -> Integer.parseInt(m.group(1))).collect(Collectors.toSet()))
                .isEqualTo(diagram.boxes().stream().map(Diagram.Box::id).collect(Collectors.toSet()));
        // Outside of strings only structure is left, and its brackets match.
        var bare = dot.replaceAll("\"(?:[^\"\\\\]|\\\\.)*\"", "");
        assertThat(bare).doesNotContain("\"");
        assertThat(bare.chars().filter(c -> c == '{').count())
                .isEqualTo(bare.chars().filter(c -> c == '}').count());
    }

    @Test
    void thePageHoldsThePictureAndNeedsNothingElse() {
        var diagram = GraphDiagram.of(SampleGraphs.loss(2));
        var page = HtmlWriter.write(diagram);
        assertThat(page).contains(SvgWriter.write(diagram)).doesNotContain("{{");
        assertThat(page.replace("http://www.w3.org/2000/svg", "")).doesNotContain("http:", "https:", "src=");
    }

    @Test
    void samePictureEveryTime() {
        var graph = SampleGraphs.trainStep(2);
        assertThat(SvgWriter.write(GraphDiagram.of(graph))).isEqualTo(SvgWriter.write(GraphDiagram.of(graph)));
    }

    @Test
    void anEmptyGraphIsAnEmptyPicture() throws Exception {
        var svg = parse(SvgWriter.write(GraphDiagram.of(new Graph("nothing", List.of(), List.of()))));
        assertThat(elements(svg, "box")).isEmpty();
    }

    /** Two ranks that hold half of a layer each: colours of arrows, words in boxes, and a double line around exchanges. */
    @Test
    void coloursSayHowValuesAreSpreadAndWordsSayItToo() throws Exception {
        var b = new GraphBuilder("layer");
        var x = b.input("x", InputKind.DATA, TensorType.f32(4, 8));
        var w = b.input("w", InputKind.PARAMETER, TensorType.f32(6, 8));
        var v = b.input("v", InputKind.PARAMETER, TensorType.f32(8, 6));
        b.output("y", b.neg(b.dot(b.dot(x, 1, w, 1), 1, v, 1)));
        Map<String, Sharding> inputs = Map.of("w", new Split(0), "v", new Split(1));
        var sharded = Partition.tensor(2, i -> inputs.getOrDefault(i.name(), Full.REPLICATED), false, 1)
                .divide(ShardedGraph.whole(b.build()));
        var diagram = GraphDiagram.of(sharded, 9);
        assertThat(diagram.boxes())
                .extracting(
                        box -> box.lines().getFirst(),
                        box -> box.tags().stream().map(Diagram.Tag::text).toList())
                .contains(
                        tuple("x", List.of("replicated")),
                        tuple("matmul", List.of("w: split(0) over tensor", "split(1) over tensor")),
                        tuple("matmul", List.of("v: split(1) over tensor", "partial(sum) over tensor")),
                        tuple("all-reduce sum over tensor", List.of("replicated")));
        assertThat(diagram.arrows())
                .extracting(Diagram.Arrow::label, Diagram.Arrow::spread)
                .contains(
                        tuple("f32[4,8], replicated", Spread.REPLICATED),
                        tuple("f32[4,3], split(1) over tensor", Spread.SPLIT_TENSOR),
                        tuple("f32[4,8], partial(sum) over tensor", Spread.PARTIAL));
        assertThat(diagram.spreads()).containsExactly(Spread.REPLICATED, Spread.SPLIT_TENSOR, Spread.PARTIAL);
        var svg = SvgWriter.write(diagram);
        assertThat(elements(parse(svg), "box")).hasSameSizeAs(diagram.boxes());
        for (var spread : diagram.spreads()) {
            assertThat(svg).contains(">" + spread.says() + "<", "stroke=\"" + spread.stroke() + "\"");
        }
        assertThat(svg).contains("stroke-width=\"3.5\"");
        assertThat(DotWriter.write(diagram))
                .contains("peripheries=2", "color=\"" + Spread.PARTIAL.stroke() + "\"", "subgraph cluster_legend")
                .contains("label=\"partial sum\"");
    }

    /** Blocks that do the same with tensors that are spread in another way are not the same. */
    @Test
    void blocksThatAreSpreadDifferentlyAreDrawnEach() {
        var graph = SampleGraphs.loss(3);
        var spread = new HashMap<Value, Map<MeshAxis, Sharding>>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            if (graph.nodes().get(i).location().path().startsWith("transformer.resblocks.2")) {
                spread.put(new Value(i, 0), Map.of(MeshAxis.TENSOR, new Split(0)));
            }
        }
        assertThat(frames(GraphDiagram.of(new ShardedGraph(graph, spread), 99)))
                .contains("transformer.resblocks.0…2  ×3", "resblocks.0…1  ×2", "resblocks.2");
    }

    private static List<String> frames(Diagram diagram) {
        var labels = new ArrayList<String>();
        var open = new ArrayList<>(diagram.root().modules());
        while (!open.isEmpty()) {
            var module = open.removeLast();
            labels.add(module.label());
            open.addAll(module.modules());
        }
        return labels;
    }

    static Document parse(String xml) throws Exception {
        return DocumentBuilderFactory.newDefaultInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(xml)));
    }

    private static List<Element> elements(Document document, String kind) {
        var all = document.getElementsByTagName("g");
        var found = new ArrayList<Element>();
        var seen = new HashSet<Element>();
        for (var i = 0; i < all.getLength(); i++) {
            if (all.item(i) instanceof Element e && e.getAttribute("class").equals(kind) && seen.add(e)) {
                found.add(e);
            }
        }
        return found;
    }
}
