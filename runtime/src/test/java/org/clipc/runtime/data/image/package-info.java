@NullMarked
package org.clipc.runtime.data.image;

import org.jspecify.annotations.NullMarked;
