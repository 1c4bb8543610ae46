package org.clipc.runtime.device;

import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;

/**
 * The class that TornadoVM asks for the parallel loops of a method. Its own reads the method's class file, which it finds
 * only on the class path; kernels have no annotated loops.
 */
final class NoParallelLoops {

    private NoParallelLoops() {}

    /** Defines it; returns its name. */
    static String define() {
        var name = NoParallelLoops.class.getPackageName() + ".ParallelLoops";
        var provider = ClassDesc.of(TornadoTypes.RUNTIME + "common.ParallelAnnotationProvider");
        var bytes = ClassFile.of()
                .build(
                        ClassDesc.of(name),
                        type -> type.withFlags(ClassFile.ACC_PUBLIC)
                                .withInterfaceSymbols(ClassDesc.of(TornadoTypes.RUNTIME + "ASMClassVisitorProvider"))
                                .withMethodBody(
                                        ConstantDescs.INIT_NAME,
                                        ConstantDescs.MTD_void,
                                        ClassFile.ACC_PUBLIC,
                                        code -> code.aload(0)
                                                .invokespecial(
                                                        ConstantDescs.CD_Object,
                                                        ConstantDescs.INIT_NAME,
                                                        ConstantDescs.MTD_void)
                                                .return_())
                                .withMethodBody(
                                        "getParallelAnnotations",
                                        MethodTypeDesc.of(
                                                provider.arrayType(),
                                                ClassDesc.of("jdk.vm.ci.meta.ResolvedJavaMethod")),
                                        ClassFile.ACC_PUBLIC,
                                        code -> code.iconst_0()
                                                .anewarray(provider)
                                                .areturn()));
        try {
            MethodHandles.lookup().defineClass(bytes);
            return name;
        } catch (IllegalAccessException | LinkageError e) {
            throw new DeviceException("this TornadoVM is none of version 5.2.0: " + e.getMessage(), e);
        }
    }
}
