/** Passes over graphs, each with a name, from graph to equivalent graph. */
@NullMarked
package org.clipc.compiler.pass;

import org.jspecify.annotations.NullMarked;
