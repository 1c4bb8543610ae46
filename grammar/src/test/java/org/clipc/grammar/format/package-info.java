@NullMarked
package org.clipc.grammar.format;

import org.jspecify.annotations.NullMarked;
