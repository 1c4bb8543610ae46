package org.clipc.runtime.device;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.clipc.program.ProgramFormatException;
import org.clipc.runtime.io.DataFormatException;

/** Defines admitted kernels in a class loader of their own, which finds them and the allowed JDK classes only. */
final class KernelLoader extends ClassLoader {

    private static final String KERNELS = "org.clipc.kernels.";

    private static final MethodType RUN = MethodType.methodType(
            void.class, MemorySegment.class, long[].class, int.class, int.class, float[].class, float[].class);

    /** Where class files come from. */
    @FunctionalInterface
    interface Source {
        byte[] read(String className) throws ProgramFormatException;
    }

    private final Path program;
    private final Source source;
    private final Map<String, MethodHandle> kernels = new HashMap<>();

    /** @param program for error messages */
    KernelLoader(Path program, Source source) {
        this(program, source, ClassLoader.getPlatformClassLoader());
    }

    /** @param parent finds the allowed classes */
    KernelLoader(Path program, Source source, ClassLoader parent) {
        super("kernels", parent);
        this.program = program;
        this.source = source;
    }

    /**
     * The {@code run} of a kernel. Classes that it shares with others are found as it needs them, and admitted alike.
     *
     * @throws DataFormatException if the class may not run or cannot be linked
     */
    MethodHandle kernel(String className) throws ProgramFormatException {
        var known = kernels.get(className);
        if (known != null) {
            return known;
        }
        try {
            var type = define(className);
            var run = MethodHandles.publicLookup().findStatic(type, "run", RUN);
            // Linking now tells of a damaged class before anything has run.
            MethodHandles.publicLookup().ensureInitialized(type);
            kernels.put(className, run);
            return run;
        } catch (NoSuchMethodException | IllegalAccessException e) {
            throw refused(
                    className,
                    "has no method public static void run(MemorySegment, long[], int, int, float[], float[])");
        } catch (LinkageError e) {
            throw refused(className, "cannot be linked (" + e.getMessage() + ")");
        }
    }

    /**
     * An instance of a kernel's class, as TornadoVM takes kernels.
     *
     * @throws DataFormatException if the class may not run or cannot be linked
     */
    Object instance(String className) throws ProgramFormatException {
        try {
            return define(className).getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw refused(className, "cannot be created (" + e + ")");
        } catch (LinkageError e) {
            throw refused(className, "cannot be linked (" + e.getMessage() + ")");
        }
    }

    private Class<?> define(String className) throws ProgramFormatException {
        var loaded = findLoadedClass(className);
        if (loaded != null) {
            return loaded;
        }
        var bytes = source.read(className);
        KernelAdmission.objection(className, bytes).ifPresent(objection -> {
            throw refused(className, objection);
        });
        return defineClass(className, bytes, 0, bytes.length);
    }

    private DataFormatException refused(String className, String reason) {
        return new DataFormatException(program, "kernel " + className, reason);
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        try {
            return define(name);
        } catch (ProgramFormatException e) {
            throw new ClassNotFoundException(e.getMessage(), e);
        }
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        var internal = name.replace('.', '/');
        if (!AllowList.allowsClass(internal) && !name.startsWith(KERNELS)) {
            throw new ClassNotFoundException(name + " is not open to kernels");
        }
        return super.loadClass(name, resolve);
    }
}
