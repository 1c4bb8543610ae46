/** Kernels as programs hold them: which class files may run, and how they become classes. */
@NullMarked
package org.clipc.runtime.kernel;

import org.jspecify.annotations.NullMarked;
