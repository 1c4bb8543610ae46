/** A small program, made without the compiler, that the runtime's tests run. */
@NullMarked
package org.clipc.runtime.testing;

import org.jspecify.annotations.NullMarked;
