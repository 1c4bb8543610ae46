/** Training: steps, learning rates, checkpoints and the loop around them. */
@NullMarked
package org.clipc.runtime.train;

import org.jspecify.annotations.NullMarked;
