/** The order in which nodes run. */
@NullMarked
package org.clipc.compiler.schedule;

import org.jspecify.annotations.NullMarked;
