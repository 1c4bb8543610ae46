/** From a model's graphs to a program: all passes for every entry point, lowering, memory, kernels. */
@NullMarked
package org.clipc.compiler.pack;

import org.jspecify.annotations.NullMarked;
