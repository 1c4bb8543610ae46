/** Numbers of a run over its steps, written for TensorBoard and as JSON lines. */
@NullMarked
package org.clipc.runtime.metrics;

import org.jspecify.annotations.NullMarked;
