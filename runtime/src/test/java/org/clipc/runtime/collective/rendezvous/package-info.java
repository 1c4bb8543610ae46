/** Ranks that find each other, in good ways and bad. */
@NullMarked
package org.clipc.runtime.collective.rendezvous;

import org.jspecify.annotations.NullMarked;
