@NullMarked
package org.clipc.compiler.lower;

import org.jspecify.annotations.NullMarked;
