/** What runs a program's calls: what a device and a program on it can do, whatever runs it. */
@NullMarked
package org.clipc.runtime.device;

import org.jspecify.annotations.NullMarked;
