/** What a model takes: parameters, arithmetic, memory, kernels, and the time to compile it. */
@NullMarked
package org.clipc.compiler.explain;

import org.jspecify.annotations.NullMarked;
