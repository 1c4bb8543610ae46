@NullMarked
package org.clipc.grammar;

import org.jspecify.annotations.NullMarked;
