/** The JVM as a device: kernels on its own threads. */
@NullMarked
package org.clipc.runtime.device.jvm;

import org.jspecify.annotations.NullMarked;
