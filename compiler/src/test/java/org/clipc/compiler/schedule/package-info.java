@NullMarked
package org.clipc.compiler.schedule;

import org.jspecify.annotations.NullMarked;
