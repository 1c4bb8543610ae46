/** The {@code clip-run} command. */
@NullMarked
package org.clipc.runtime.cli;

import org.jspecify.annotations.NullMarked;
