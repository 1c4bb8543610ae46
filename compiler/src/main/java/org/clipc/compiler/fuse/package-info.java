/** The fusion pass: which values exist in memory, and which exist only inside kernels. */
@NullMarked
package org.clipc.compiler.fuse;

import org.jspecify.annotations.NullMarked;
