@NullMarked
package org.clipc.compiler.plan;

import org.jspecify.annotations.NullMarked;
