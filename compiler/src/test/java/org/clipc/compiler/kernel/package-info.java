@NullMarked
package org.clipc.compiler.kernel;

import org.jspecify.annotations.NullMarked;
