@NullMarked
package org.clipc.compiler.train;

import org.jspecify.annotations.NullMarked;
