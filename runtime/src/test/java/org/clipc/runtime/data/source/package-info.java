@NullMarked
package org.clipc.runtime.data.source;

import org.jspecify.annotations.NullMarked;
