/** The arithmetic of reductions, for backends that do it themselves. */
@NullMarked
package org.clipc.runtime.collective.reduce;

import org.jspecify.annotations.NullMarked;
