@NullMarked
package org.clipc.grammar.diagnostic;

import org.jspecify.annotations.NullMarked;
