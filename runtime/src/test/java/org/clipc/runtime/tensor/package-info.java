@NullMarked
package org.clipc.runtime.tensor;

import org.jspecify.annotations.NullMarked;
