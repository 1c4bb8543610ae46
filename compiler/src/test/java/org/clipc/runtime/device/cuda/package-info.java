/** CUDA's part of the runtime, on a CPU: kernels run as the compiler's tests run them. */
@NullMarked
package org.clipc.runtime.device.cuda;

import org.jspecify.annotations.NullMarked;
