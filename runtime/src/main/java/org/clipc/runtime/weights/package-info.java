/** A model's parameters as a whole: fresh ones, and those of files. */
@NullMarked
package org.clipc.runtime.weights;

import org.jspecify.annotations.NullMarked;
