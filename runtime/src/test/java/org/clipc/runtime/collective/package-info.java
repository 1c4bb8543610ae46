/** What every backend of the collectives must do. */
@NullMarked
package org.clipc.runtime.collective;

import org.jspecify.annotations.NullMarked;
