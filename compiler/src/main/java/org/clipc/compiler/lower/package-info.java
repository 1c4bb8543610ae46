/**
 * From a tensor graph to kernel launches: each node becomes launches over views of buffers. Knows nothing of targets or
 * of where buffers lie.
 */
@NullMarked
package org.clipc.compiler.lower;

import org.jspecify.annotations.NullMarked;
