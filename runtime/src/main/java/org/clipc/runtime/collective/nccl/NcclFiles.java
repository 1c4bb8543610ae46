package org.clipc.runtime.collective.nccl;

import java.util.List;
import org.clipc.runtime.collective.CollectiveException;

/** Loads JavaCPP's binding, which in turn loads CUDA and NCCL. */
final class NcclFiles {

    private static final String JARS =
            "build with `mvn -Pnccl -DskipTests package`, which puts org.bytedeco:cuda and its native code on the class path";

    private NcclFiles() {}

    /**
     * @param device number of the GPU
     * @throws CollectiveException if something is missing
     */
    static Nccl load(int device) {
        try {
            return NcclNative.open(device);
        } catch (NoClassDefFoundError e) {
            throw missing("its Java binding is not on the class path: " + JARS, e);
        } catch (UnsatisfiedLinkError e) {
            var text = String.valueOf(e.getMessage());
            throw text.contains("java.library.path") && text.contains("jni")
                    ? missing("the native code of its Java binding is not on the class path: " + JARS, e)
                    : missing(
                            "CUDA 13 or NCCL 2 is not installed (%s): install NVIDIA's driver, cuda-cudart-13-1 and libnccl2"
                                    .formatted(text),
                            e);
        }
    }

    private static CollectiveException missing(String what, Throwable cause) {
        return new CollectiveException("NCCL cannot be used: " + what, List.of(), cause);
    }
}
