package org.clipc.compiler.jvm;

import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;

/** Loads compiled kernels, which may call each other, and says which vector widths this machine runs natively. */
final class TestClasses extends ClassLoader {

    private final Map<String, byte[]> classFiles = new HashMap<>();

    TestClasses() {
        super(TestClasses.class.getClassLoader());
    }

    static int[] widths() {
        var widest = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        return IntStream.of(128, 256, 512).filter(bits -> bits <= widest).toArray();
    }

    /** The class {@code name} of some class files, loaded with them. */
    static Class<?> load(Map<String, byte[]> classFiles, String name) {
        var loader = new TestClasses();
        classFiles.forEach(loader::add);
        return loader.find(name);
    }

    void add(String name, byte[] classFile) {
        classFiles.put(name, classFile);
    }

    Class<?> find(String name) {
        try {
            return loadClass(name);
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        var bytes = classFiles.get(name);
        if (bytes == null) {
            throw new ClassNotFoundException(name);
        }
        return defineClass(name, bytes, 0, bytes.length);
    }
}
