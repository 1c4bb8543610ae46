@NullMarked
package org.clipc.compiler.draw;

import org.jspecify.annotations.NullMarked;
