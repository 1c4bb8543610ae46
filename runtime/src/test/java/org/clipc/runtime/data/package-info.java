@NullMarked
package org.clipc.runtime.data;

import org.jspecify.annotations.NullMarked;
