/** What ops cost: arithmetic, and an estimate of time for choices between recomputing and storing. */
@NullMarked
package org.clipc.compiler.cost;

import org.jspecify.annotations.NullMarked;
