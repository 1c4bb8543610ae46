/** The formatter: one canonical layout, comments and the author's line breaks kept. */
@NullMarked
package org.clipc.grammar.format;

import org.jspecify.annotations.NullMarked;
