package org.clipc.runtime.device.tornado;

import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.List;

/**
 * The class that TornadoVM asks for the parallel loops of a method. Its own reads the method's class file, which it finds
 * only on the class path; kernels have no annotated loops.
 */
final class NoParallelLoops {

    private NoParallelLoops() {}

    /** Defines it; returns its name. */
    static String define() {
        var provider = ClassDesc.of(TornadoTypes.RUNTIME + "common.ParallelAnnotationProvider");
        var visitors = ClassDesc.of(TornadoTypes.RUNTIME + "ASMClassVisitorProvider");
        return TornadoTypes.define(
                "ParallelLoops",
                List.of(visitors),
                type -> type.withMethodBody(
                        "getParallelAnnotations",
                        MethodTypeDesc.of(provider.arrayType(), ClassDesc.of("jdk.vm.ci.meta.ResolvedJavaMethod")),
                        ClassFile.ACC_PUBLIC,
                        code -> code.iconst_0().anewarray(provider).areturn()));
    }
}
