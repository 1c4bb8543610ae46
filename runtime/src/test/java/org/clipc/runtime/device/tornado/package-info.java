@NullMarked
package org.clipc.runtime.device.tornado;

import org.jspecify.annotations.NullMarked;
