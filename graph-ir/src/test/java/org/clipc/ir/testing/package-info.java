/** Random graphs and operands for property tests, here and in other modules. */
@NullMarked
package org.clipc.ir.testing;

import org.jspecify.annotations.NullMarked;
