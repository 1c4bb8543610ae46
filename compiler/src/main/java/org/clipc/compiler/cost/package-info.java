/** What ops take, for choices between computing again and storing. */
@NullMarked
package org.clipc.compiler.cost;

import org.jspecify.annotations.NullMarked;
