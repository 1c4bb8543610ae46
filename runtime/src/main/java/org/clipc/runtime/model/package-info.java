/** A loaded model: its entry points over batches of any size. */
@NullMarked
package org.clipc.runtime.model;

import org.jspecify.annotations.NullMarked;
