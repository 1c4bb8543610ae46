package org.clipc.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.SoftReference;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Kernels that are defined once for all programs that have them, whether these are one after another or of several ranks:
 * what the JIT compiler has made of a kernel serves them all, and it takes far longer than most of what it is for. Kernels
 * are the same if their class files are equal, and those of all classes that they refer to. They have no state, so that
 * nothing but code is shared.
 *
 * <p>Each has a class loader of its own, which finds those that it refers to and the allowed JDK classes only. Kernels that
 * no program uses are freed when memory is short.
 */
public final class KernelClasses {

    private static final String KERNELS = "org.clipc.kernels.";

    private static final MethodType RUN = MethodType.methodType(
            void.class, MemorySegment.class, long[].class, int.class, int.class, float[].class, float[].class);

    private static final KernelClasses OF_JVM = new KernelClasses(ClassLoader.getPlatformClassLoader());

    private final ClassLoader parent;
    private final Map<Key, SoftReference<Defined>> known = new HashMap<>();

    /** @param parent finds the allowed classes */
    public KernelClasses(ClassLoader parent) {
        this.parent = parent;
    }

    /** Those that the JVM runs, of all programs in this process. */
    public static KernelClasses ofJvm() {
        return OF_JVM;
    }

    static boolean isKernel(String className) {
        return className.startsWith(KERNELS);
    }

    /**
     * A kernel that is linked and initialised, and with it those that it refers to. One after another: were two threads to
     * initialise classes that refer to each other, each could wait for the other for ever.
     *
     * @param needed it and all that it refers to, directly or not, by name
     * @throws LinkageError if one of them is damaged
     */
    synchronized Defined define(String className, Map<String, KernelCode> needed) {
        var defined = new LinkedHashMap<Key, Defined>();
        var result = find(className, needed, defined);
        if (!defined.isEmpty()) {
            known.values().removeIf(reference -> reference.get() == null);
            defined.values().forEach(Defined::initialize);
            defined.forEach((key, kernel) -> known.put(key, new SoftReference<>(kernel)));
        }
        return result;
    }

    /** @param defined those that were not known, to which it is added if it is none */
    private Defined find(String className, Map<String, KernelCode> needed, Map<Key, Defined> defined) {
        var key = Key.of(className, needed);
        var before = defined.get(key);
        var found = before != null ? before : get(key);
        if (found != null) {
            return found;
        }
        var code = Objects.requireNonNull(needed.get(className));
        var kernel = new Defined(parent, code);
        defined.put(key, kernel);
        for (var other : code.references()) {
            kernel.references.put(other, find(other, needed, defined));
        }
        return kernel;
    }

    private @Nullable Defined get(Key key) {
        var reference = known.get(key);
        return reference == null ? null : reference.get();
    }

    /** @param digests of the class and of all that it refers to, by name */
    private record Key(String className, Map<String, String> digests) {

        static Key of(String className, Map<String, KernelCode> codes) {
            var digests = new TreeMap<String, String>();
            add(className, codes, digests);
            return new Key(className, Map.copyOf(digests));
        }

        private static void add(String className, Map<String, KernelCode> codes, Map<String, String> digests) {
            var code = Objects.requireNonNull(codes.get(className));
            if (digests.put(className, code.digest()) == null) {
                code.references().forEach(other -> add(other, codes, digests));
            }
        }
    }

    /** The loader of one kernel, which lives as long as that. */
    static final class Defined extends ClassLoader {

        private final Class<?> type;
        private final Map<String, Defined> references = new HashMap<>();
        private @Nullable MethodHandle run;

        private Defined(ClassLoader parent, KernelCode code) {
            super("kernel", parent);
            var bytes = code.bytes();
            type = defineClass(code.className(), bytes, 0, bytes.length);
        }

        Class<?> type() {
            return type;
        }

        /** The same handle each time, since the JVM adapts each to what it calls. */
        synchronized MethodHandle run() throws NoSuchMethodException, IllegalAccessException {
            if (run == null) {
                run = MethodHandles.publicLookup().findStatic(type, "run", RUN);
            }
            return run;
        }

        /** Tells of a damaged class before anything has run. */
        private void initialize() {
            try {
                MethodHandles.publicLookup().ensureInitialized(type);
            } catch (IllegalAccessException e) {
                throw new IllegalStateException("an admitted class is public", e);
            }
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            var other = references.get(name);
            if (other == null) {
                throw new ClassNotFoundException(name + " is none that the kernel names");
            }
            return other.type;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!AllowList.allowsClass(name.replace('.', '/')) && !isKernel(name)) {
                throw new ClassNotFoundException(name + " is not open to kernels");
            }
            return super.loadClass(name, resolve);
        }
    }
}
