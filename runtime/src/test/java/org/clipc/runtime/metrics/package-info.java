@NullMarked
package org.clipc.runtime.metrics;

import org.jspecify.annotations.NullMarked;
