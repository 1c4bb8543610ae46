/** Kernels for TornadoVM: Java methods over its {@code KernelContext} that it compiles for OpenCL and CUDA devices. */
@NullMarked
package org.clipc.compiler.tornado;

import org.jspecify.annotations.NullMarked;
