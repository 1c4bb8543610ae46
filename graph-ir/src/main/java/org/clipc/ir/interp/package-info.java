/** The reference interpreter: what every op means, in float64 and plain loops. */
@NullMarked
package org.clipc.ir.interp;

import org.jspecify.annotations.NullMarked;
