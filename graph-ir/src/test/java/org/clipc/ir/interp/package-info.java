@NullMarked
package org.clipc.ir.interp;

import org.jspecify.annotations.NullMarked;
