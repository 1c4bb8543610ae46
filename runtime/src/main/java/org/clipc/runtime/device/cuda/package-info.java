/** Programs in CUDA C, with NVIDIA's libraries, on a stream that somebody lends. */
@NullMarked
package org.clipc.runtime.device.cuda;

import org.jspecify.annotations.NullMarked;
