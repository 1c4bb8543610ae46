/** Where a program's time goes: measuring, the table and the trace file; and searching faster ways to run it. */
@NullMarked
package org.clipc.runtime.profile;

import org.jspecify.annotations.NullMarked;
