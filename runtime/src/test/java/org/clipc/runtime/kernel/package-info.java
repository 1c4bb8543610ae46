@NullMarked
package org.clipc.runtime.kernel;

import org.jspecify.annotations.NullMarked;
