/** Ranks as threads of one process, which read each other's memory. */
@NullMarked
package org.clipc.runtime.collective.local;

import org.jspecify.annotations.NullMarked;
