/** Tests of initial and imported weights. */
@NullMarked
package org.clipc.runtime.weights;

import org.jspecify.annotations.NullMarked;
