/** What ranks exchange between kernels, in the host's memory. */
@NullMarked
package org.clipc.runtime.device.exchange;

import org.jspecify.annotations.NullMarked;
