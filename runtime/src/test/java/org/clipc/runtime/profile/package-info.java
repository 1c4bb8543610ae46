@NullMarked
package org.clipc.runtime.profile;

import org.jspecify.annotations.NullMarked;
