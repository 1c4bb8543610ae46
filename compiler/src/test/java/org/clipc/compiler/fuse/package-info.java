@NullMarked
package org.clipc.compiler.fuse;

import org.jspecify.annotations.NullMarked;
