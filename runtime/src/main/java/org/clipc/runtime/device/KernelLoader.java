package org.clipc.runtime.device;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.clipc.runtime.io.DataFormatException;

/** Defines admitted kernels in a class loader of their own, which finds them and the allowed JDK classes only. */
final class KernelLoader extends ClassLoader {

    private static final MethodType RUN = MethodType.methodType(
            void.class, MemorySegment.class, long[].class, int.class, int.class, float[].class, float[].class);

    private final Path program;
    private final Map<String, MethodHandle> kernels = new HashMap<>();

    /** @param program for error messages */
    KernelLoader(Path program) {
        super("kernels", ClassLoader.getPlatformClassLoader());
        this.program = program;
    }

    boolean has(String className) {
        return kernels.containsKey(className);
    }

    /** The {@code run} of a kernel that has been defined. */
    MethodHandle kernel(String className) {
        return Objects.requireNonNull(kernels.get(className), className);
    }

    /** @throws DataFormatException if the class may not run or cannot be linked */
    void define(String className, byte[] bytes) {
        KernelAdmission.objection(className, bytes).ifPresent(objection -> {
            throw new DataFormatException(program, "kernel " + className, objection);
        });
        try {
            var type = defineClass(className, bytes, 0, bytes.length);
            kernels.put(className, MethodHandles.publicLookup().findStatic(type, "run", RUN));
        } catch (LinkageError | ReflectiveOperationException e) {
            throw new DataFormatException(program, "kernel " + className, "cannot be linked (" + e.getMessage() + ")");
        }
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        var internal = name.replace('.', '/');
        if (!AllowList.allowsClass(internal) && findLoadedClass(name) == null) {
            throw new ClassNotFoundException(name + " is not open to kernels");
        }
        return super.loadClass(name, resolve);
    }
}
