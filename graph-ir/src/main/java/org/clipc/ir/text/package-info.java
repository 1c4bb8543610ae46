/** The readable form of graphs ({@code .cir}): {@link GraphPrinter} writes it, {@link GraphParser} reads it back. */
@NullMarked
package org.clipc.ir.text;

import org.jspecify.annotations.NullMarked;
