/** Where buffers lie: lifetimes over the steps of a lowered graph, sharing in place, and offsets. */
@NullMarked
package org.clipc.compiler.memory;

import org.jspecify.annotations.NullMarked;
