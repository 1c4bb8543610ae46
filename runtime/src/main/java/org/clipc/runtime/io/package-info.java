/** Files as the rest of the runtime needs them: written all or nothing, and read with errors that name the place. */
@NullMarked
package org.clipc.runtime.io;

import org.jspecify.annotations.NullMarked;
