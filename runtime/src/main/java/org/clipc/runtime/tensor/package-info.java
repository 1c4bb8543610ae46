/** Tensors in host memory and the safetensors files that hold them. */
@NullMarked
package org.clipc.runtime.tensor;

import org.jspecify.annotations.NullMarked;
