@NullMarked
package org.clipc.compiler.recompute;

import org.jspecify.annotations.NullMarked;
