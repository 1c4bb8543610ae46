package org.clipc.runtime.collective.nccl;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.clipc.runtime.collective.CollectiveException;

/** Loads JavaCPP's binding, which in turn loads CUDA and NCCL. */
final class NcclFiles {

    private static final String BINDING = "org.bytedeco.cuda.global.nccl";
    private static final String BUILD =
            "build with `mvn -Pnccl -DskipTests package`, which puts org.bytedeco:cuda and its native code there";

    private NcclFiles() {}

    /**
     * @param device number of the GPU
     * @throws CollectiveException if something is missing
     */
    static Nccl load(int device) {
        requireBinding();
        try {
            return NcclNative.open(device);
        } catch (LinkageError e) {
            throw new CollectiveException(
                    "NCCL cannot be used, since CUDA 13 or NCCL 2 is not installed (%s): install NVIDIA's driver, cuda-cudart-13-1 and libnccl2"
                            .formatted(firstCause(e)),
                    List.of(),
                    e);
        }
    }

    private static void requireBinding() {
        try {
            Class.forName(BINDING, false, NcclFiles.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new CollectiveException(
                    "NCCL cannot be used, since its Java binding is not on the class path: " + BUILD, List.of(), e);
        }
        var code = "/org/bytedeco/cuda/" + Loader.getPlatform() + "/libjninccl.so";
        if (NcclFiles.class.getResource(code) == null) {
            throw new CollectiveException(
                    "NCCL cannot be used, since the native code of its Java binding (%s) is not on the class path: %s"
                            .formatted(code, BUILD),
                    List.of());
        }
    }

    /** The last of the messages, which names the library that was not found. */
    private static String firstCause(Throwable error) {
        var messages = new ArrayList<String>();
        for (var e = error; e != null && messages.size() < 10; e = e.getCause()) {
            messages.add(String.valueOf(e.getMessage()));
        }
        return messages.getLast();
    }
}
