/** Ranks as threads. */
@NullMarked
package org.clipc.runtime.collective.local;

import org.jspecify.annotations.NullMarked;
