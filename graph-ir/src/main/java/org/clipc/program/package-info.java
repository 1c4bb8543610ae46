/** The compiled program: what the compiler writes and the runtime loads. The only package here that uses Jackson. */
@NullMarked
package org.clipc.program;

import org.jspecify.annotations.NullMarked;
