/** What programs have in common on whatever device: the arena, its tensors, and ranks. */
@NullMarked
package org.clipc.runtime.device.program;

import org.jspecify.annotations.NullMarked;
