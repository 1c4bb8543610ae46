/** The training step as a graph: gradients, clipping, optimizer. */
@NullMarked
package org.clipc.compiler.train;

import org.jspecify.annotations.NullMarked;
