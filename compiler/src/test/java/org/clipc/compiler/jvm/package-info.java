@NullMarked
package org.clipc.compiler.jvm;

import org.jspecify.annotations.NullMarked;
