/** All devices of a machine, by name. */
@NullMarked
package org.clipc.runtime.device.catalog;

import org.jspecify.annotations.NullMarked;
