/** How good embeddings are: zero-shot classification and retrieval. */
@NullMarked
package org.clipc.runtime.eval;

import org.jspecify.annotations.NullMarked;
