/** The syntax tree of {@code .clip} sources: sealed interfaces of records, each with the span it was read from. */
@NullMarked
package org.clipc.grammar.ast;

import org.jspecify.annotations.NullMarked;
