package org.clipc.compiler.draw;

import java.util.List;
import org.clipc.compiler.draw.Diagram.Arrow;
import org.clipc.compiler.draw.Diagram.Box;

/** A diagram with coordinates, in pixels from the upper left corner. Frames come before what they enclose. */
record Layout(double width, double height, List<PlacedFrame> frames, List<PlacedBox> boxes, List<PlacedArrow> arrows) {

    record Point(double x, double y) {}

    record Rectangle(double x, double y, double width, double height) {}

    record PlacedFrame(String label, int level, Rectangle at) {}

    record PlacedBox(Box box, Rectangle at) {}

    /** @param label where the label stands; of no extent where there is none */
    record PlacedArrow(Arrow arrow, List<Point> points, Rectangle label) {}
}
