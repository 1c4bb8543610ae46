@NullMarked
package org.clipc.runtime.io;

import org.jspecify.annotations.NullMarked;
