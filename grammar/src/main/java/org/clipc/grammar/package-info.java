/** The {@code .clip} language: {@link org.clipc.grammar.ClipSyntax} turns a source into a tree and diagnostics. */
@NullMarked
package org.clipc.grammar;

import org.jspecify.annotations.NullMarked;
