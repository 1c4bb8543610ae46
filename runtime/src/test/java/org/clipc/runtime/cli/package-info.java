/** Tests of the command line. */
@NullMarked
package org.clipc.runtime.cli;

import org.jspecify.annotations.NullMarked;
