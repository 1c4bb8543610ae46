package org.clipc.compiler.tornado;

import com.palantir.javapoet.ClassName;

/** The names of TornadoVM's API that generated kernels use. */
final class TornadoApi {

    private static final String API = "uk.ac.manchester.tornado.api";

    static final ClassName KERNEL_CONTEXT = ClassName.get(API, "KernelContext");
    static final ClassName TASK = ClassName.get(API + ".common", "TornadoFunctions", "Task5");
    static final ClassName FLOAT_ARRAY = ClassName.get(API + ".types.arrays", "FloatArray");
    static final ClassName INT_ARRAY = ClassName.get(API + ".types.arrays", "IntArray");
    static final ClassName FLOAT_8 = ClassName.get(API + ".types.vectors", "Float8");
    static final ClassName FLOAT_16 = ClassName.get(API + ".types.vectors", "Float16");
    static final ClassName MATH = ClassName.get(API + ".math", "TornadoMath");

    private TornadoApi() {}
}
