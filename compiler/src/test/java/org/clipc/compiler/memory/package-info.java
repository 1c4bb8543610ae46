@NullMarked
package org.clipc.compiler.memory;

import org.jspecify.annotations.NullMarked;
