@NullMarked
package org.clipc.compiler.pass;

import org.jspecify.annotations.NullMarked;
