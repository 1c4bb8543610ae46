/** Tests of the program file. */
@NullMarked
package org.clipc.program;

import org.jspecify.annotations.NullMarked;
