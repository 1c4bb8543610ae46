@NullMarked
package org.clipc.ir;

import org.jspecify.annotations.NullMarked;
