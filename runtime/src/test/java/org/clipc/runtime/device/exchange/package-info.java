@NullMarked
package org.clipc.runtime.device.exchange;

import org.jspecify.annotations.NullMarked;
