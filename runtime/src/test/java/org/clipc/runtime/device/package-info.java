@NullMarked
package org.clipc.runtime.device;

import org.jspecify.annotations.NullMarked;
