/**
 * Training on a batch that goes through the towers in micro-batches, as if it went through at once: the graphs that such a
 * step runs one after the other.
 */
@NullMarked
package org.clipc.compiler.accumulate;

import org.jspecify.annotations.NullMarked;
