@NullMarked
package org.clipc.ir.text;

import org.jspecify.annotations.NullMarked;
