/** From captions to token ids, as CLIP's reference tokenizer makes them. */
@NullMarked
package org.clipc.runtime.text;

import org.jspecify.annotations.NullMarked;
