@NullMarked
package org.clipc.runtime.device.jvm;

import org.jspecify.annotations.NullMarked;
