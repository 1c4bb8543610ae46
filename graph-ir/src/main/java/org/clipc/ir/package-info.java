/** The typed tensor graph: values, ops and the graphs made of them. */
@NullMarked
package org.clipc.ir;

import org.jspecify.annotations.NullMarked;
