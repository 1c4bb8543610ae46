/** Source files, spans in them, and what the compiler has to say about them. */
@NullMarked
package org.clipc.grammar.diagnostic;

import org.jspecify.annotations.NullMarked;
