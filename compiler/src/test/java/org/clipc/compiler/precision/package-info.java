@NullMarked
package org.clipc.compiler.precision;

import org.jspecify.annotations.NullMarked;
