/** The JVM target: renders kernel specs as Java classes over the Vector API, and plans the calls that run them. */
@NullMarked
package org.clipc.compiler.jvm;

import org.jspecify.annotations.NullMarked;
