/** The choice among the ways that ranks can be connected. */
@NullMarked
package org.clipc.runtime.collective.backend;

import org.jspecify.annotations.NullMarked;
