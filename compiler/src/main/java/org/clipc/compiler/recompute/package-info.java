/** What the backward pass computes again instead of keeping. */
@NullMarked
package org.clipc.compiler.recompute;

import org.jspecify.annotations.NullMarked;
