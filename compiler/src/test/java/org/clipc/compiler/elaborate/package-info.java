@NullMarked
package org.clipc.compiler.elaborate;

import org.jspecify.annotations.NullMarked;
