@NullMarked
package org.clipc.compiler.pack;

import org.jspecify.annotations.NullMarked;
