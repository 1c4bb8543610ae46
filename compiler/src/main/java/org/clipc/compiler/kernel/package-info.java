/** Kernel specs: what a kernel computes, without saying how, for any target. Equal specs share one kernel. */
@NullMarked
package org.clipc.compiler.kernel;

import org.jspecify.annotations.NullMarked;
