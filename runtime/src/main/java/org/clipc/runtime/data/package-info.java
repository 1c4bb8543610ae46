/** Batches of image-text pairs: the order of samples, their preparation, and the threads that do it ahead of time. */
@NullMarked
package org.clipc.runtime.data;

import org.jspecify.annotations.NullMarked;
