/** What runs a program's calls: devices, their memory and their threads. */
@NullMarked
package org.clipc.runtime.device;

import org.jspecify.annotations.NullMarked;
