/**
 * Pictures: graphs as SVG, DOT or HTML, and memory plans as SVG. In reading order: {@link GraphDiagram} decides what of a
 * graph is drawn (a {@link Diagram}), {@link DiagramLayout} where it goes, the writers how it looks.
 */
@NullMarked
package org.clipc.compiler.draw;

import org.jspecify.annotations.NullMarked;
