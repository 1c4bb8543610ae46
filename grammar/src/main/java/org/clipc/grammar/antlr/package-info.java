/** The parser that ANTLR generates from {@code Clip.g4}, and its base class. Nothing outside this module uses it. */
@NullMarked
package org.clipc.grammar.antlr;

import org.jspecify.annotations.NullMarked;
