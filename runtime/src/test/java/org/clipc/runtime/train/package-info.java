/** Tests of training. */
@NullMarked
package org.clipc.runtime.train;

import org.jspecify.annotations.NullMarked;
