/** From picture files to the numbers a model sees: decoding, resizing, augmentation, normalisation. */
@NullMarked
package org.clipc.runtime.data.image;

import org.jspecify.annotations.NullMarked;
