/** The arithmetic of reductions. */
@NullMarked
package org.clipc.runtime.collective.reduce;

import org.jspecify.annotations.NullMarked;
