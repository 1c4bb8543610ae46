package org.clipc.compiler.draw;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.draw.Diagram.Arrow;
import org.clipc.compiler.draw.Diagram.Box;
import org.clipc.compiler.draw.Diagram.Module;
import org.clipc.compiler.draw.Layout.PlacedArrow;
import org.clipc.compiler.draw.Layout.PlacedBox;
import org.clipc.compiler.draw.Layout.PlacedFrame;
import org.clipc.compiler.draw.Layout.Point;
import org.clipc.compiler.draw.Layout.Rectangle;
import org.eclipse.elk.alg.layered.options.EdgeStraighteningStrategy;
import org.eclipse.elk.alg.layered.options.FixedAlignment;
import org.eclipse.elk.alg.layered.options.LayeredMetaDataProvider;
import org.eclipse.elk.alg.layered.options.LayeredOptions;
import org.eclipse.elk.alg.layered.options.LayeringStrategy;
import org.eclipse.elk.alg.layered.options.NodePlacementStrategy;
import org.eclipse.elk.alg.layered.options.OrderingStrategy;
import org.eclipse.elk.core.RecursiveGraphLayoutEngine;
import org.eclipse.elk.core.data.LayoutMetaDataService;
import org.eclipse.elk.core.math.ElkPadding;
import org.eclipse.elk.core.options.CoreOptions;
import org.eclipse.elk.core.options.Direction;
import org.eclipse.elk.core.options.EdgeRouting;
import org.eclipse.elk.core.options.HierarchyHandling;
import org.eclipse.elk.core.util.BasicProgressMonitor;
import org.eclipse.elk.graph.ElkEdge;
import org.eclipse.elk.graph.ElkNode;
import org.eclipse.elk.graph.util.ElkGraphUtil;

/**
 * Coordinates by layers from top to bottom (Sugiyama et al., "Methods for visual understanding of hierarchical system
 * structures", 1981), as the Eclipse Layout Kernel computes them.
 */
final class DiagramLayout {

    static final double TITLE_SIZE = 13;
    static final double TEXT_SIZE = 11;
    static final double LABEL_SIZE = 9.5;
    static final double LINE = 15;
    static final double FRAME_TITLE = 26;
    private static final double PADDING = 12;

    private final Map<Integer, ElkNode> nodes = new HashMap<>();
    private final Map<ElkNode, Box> boxes = new HashMap<>();
    private final Map<ElkEdge, Arrow> arrows = new HashMap<>();
    private final Layout result = new Layout(0, 0, new ArrayList<>(), new ArrayList<>(), new ArrayList<>());

    private DiagramLayout() {}

    static Layout of(Diagram diagram) {
        return new DiagramLayout().run(diagram);
    }

    private Layout run(Diagram diagram) {
        LayoutMetaDataService.getInstance().registerLayoutMetaDataProviders(new LayeredMetaDataProvider());
        var root = ElkGraphUtil.createGraph();
        options(root);
        fill(root, diagram.root());
        diagram.arrows().forEach(this::arrow);
        new RecursiveGraphLayoutEngine().layout(root, new BasicProgressMonitor());
        collect(root, 0, 0, 0);
        return new Layout(root.getWidth(), root.getHeight(), result.frames(), result.boxes(), result.arrows());
    }

    private static void options(ElkNode root) {
        root.setProperty(CoreOptions.ALGORITHM, LayeredOptions.ALGORITHM_ID);
        root.setProperty(CoreOptions.DIRECTION, Direction.DOWN);
        root.setProperty(CoreOptions.EDGE_ROUTING, EdgeRouting.ORTHOGONAL);
        root.setProperty(CoreOptions.HIERARCHY_HANDLING, HierarchyHandling.INCLUDE_CHILDREN);
        root.setProperty(CoreOptions.PADDING, new ElkPadding(24));
        root.setProperty(LayeredOptions.LAYERING_STRATEGY, LayeringStrategy.NETWORK_SIMPLEX);
        root.setProperty(LayeredOptions.NODE_PLACEMENT_STRATEGY, NodePlacementStrategy.BRANDES_KOEPF);
        root.setProperty(LayeredOptions.NODE_PLACEMENT_BK_FIXED_ALIGNMENT, FixedAlignment.BALANCED);
        root.setProperty(
                LayeredOptions.NODE_PLACEMENT_BK_EDGE_STRAIGHTENING, EdgeStraighteningStrategy.IMPROVE_STRAIGHTNESS);
        root.setProperty(LayeredOptions.CONSIDER_MODEL_ORDER_STRATEGY, OrderingStrategy.NODES_AND_EDGES);
        root.setProperty(LayeredOptions.SPACING_NODE_NODE, 22.0);
        root.setProperty(LayeredOptions.SPACING_EDGE_NODE, 12.0);
        root.setProperty(LayeredOptions.SPACING_EDGE_EDGE, 8.0);
        root.setProperty(LayeredOptions.SPACING_NODE_NODE_BETWEEN_LAYERS, 14.0);
        root.setProperty(LayeredOptions.SPACING_EDGE_NODE_BETWEEN_LAYERS, 10.0);
        root.setProperty(LayeredOptions.SPACING_EDGE_EDGE_BETWEEN_LAYERS, 8.0);
        root.setProperty(LayeredOptions.SPACING_EDGE_LABEL, 3.0);
    }

    private void fill(ElkNode parent, Module module) {
        for (var box : module.boxes()) {
            var node = ElkGraphUtil.createNode(parent);
            var size = size(box);
            node.setDimensions(size.x(), size.y());
            nodes.put(box.id(), node);
            boxes.put(node, box);
        }
        for (var inner : module.modules()) {
            var frame = ElkGraphUtil.createNode(parent);
            nodes.put(inner.id(), frame);
            ElkGraphUtil.createLabel(inner.label(), frame);
            frame.setProperty(
                    CoreOptions.PADDING, new ElkPadding(FRAME_TITLE + PADDING, PADDING + 4, PADDING + 4, PADDING + 4));
            fill(frame, inner);
        }
    }

    private static Point size(Box box) {
        var width = 40.0;
        for (var i = 0; i < box.lines().size(); i++) {
            var text = TextWidth.of(box.lines().get(i), i == 0 ? TITLE_SIZE : TEXT_SIZE, i == 0);
            width = Math.max(width, text);
        }
        for (var tag : box.tags()) {
            width = Math.max(width, TextWidth.of(tag.text(), LABEL_SIZE, false) + PADDING);
        }
        var rows = box.lines().size() + box.tags().size();
        return new Point(Math.ceil(width) + 2 * PADDING, rows * LINE + PADDING);
    }

    private void arrow(Arrow arrow) {
        var from = nodes.get(arrow.from());
        var to = nodes.get(arrow.to());
        if (from == null || to == null) {
            throw new IllegalArgumentException("arrow " + arrow + " has an end that is not in the diagram");
        }
        var edge = ElkGraphUtil.createSimpleEdge(from, to);
        arrows.put(edge, arrow);
        if (!arrow.label().isEmpty()) {
            var label = ElkGraphUtil.createLabel(arrow.label(), edge);
            label.setDimensions(TextWidth.of(arrow.label(), LABEL_SIZE, false) + 6, LABEL_SIZE + 4);
        }
    }

    private void collect(ElkNode parent, double x, double y, int level) {
        for (var edge : parent.getContainedEdges()) {
            result.arrows().add(placed(edge, x, y));
        }
        for (var node : parent.getChildren()) {
            var at = new Rectangle(x + node.getX(), y + node.getY(), node.getWidth(), node.getHeight());
            var box = boxes.get(node);
            if (box != null) {
                result.boxes().add(new PlacedBox(box, at));
            } else {
                var label = node.getLabels().getFirst().getText();
                result.frames().add(new PlacedFrame(label, level, at));
                collect(node, at.x(), at.y(), level + 1);
            }
        }
    }

    private PlacedArrow placed(ElkEdge edge, double x, double y) {
        var arrow = arrows.get(edge);
        if (arrow == null) {
            throw new IllegalStateException("the layout has an edge that nobody put there");
        }
        List<Point> points = new ArrayList<>();
        for (var section : edge.getSections()) {
            points.add(new Point(x + section.getStartX(), y + section.getStartY()));
            section.getBendPoints().forEach(p -> points.add(new Point(x + p.getX(), y + p.getY())));
            points.add(new Point(x + section.getEndX(), y + section.getEndY()));
        }
        var label = new Rectangle(0, 0, 0, 0);
        for (var text : edge.getLabels()) {
            label = new Rectangle(x + text.getX(), y + text.getY(), text.getWidth(), text.getHeight());
        }
        return new PlacedArrow(arrow, points, label);
    }
}
