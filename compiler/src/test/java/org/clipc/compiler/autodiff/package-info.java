@NullMarked
package org.clipc.compiler.autodiff;

import org.jspecify.annotations.NullMarked;
