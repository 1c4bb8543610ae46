@NullMarked
package org.clipc.runtime.text;

import org.jspecify.annotations.NullMarked;
