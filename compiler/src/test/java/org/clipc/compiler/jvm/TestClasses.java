package org.clipc.compiler.jvm;

import java.util.Map;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;

/** Loads compiled kernels, and says which vector widths this machine runs natively. */
final class TestClasses {

    private TestClasses() {}

    static int[] widths() {
        var widest = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        return IntStream.of(128, 256, 512).filter(bits -> bits <= widest).toArray();
    }

    /** The class {@code name} of some class files, loaded with them. */
    static Class<?> load(Map<String, byte[]> classFiles, String name) {
        var loader = new ClassLoader(TestClasses.class.getClassLoader()) {
            @Override
            protected Class<?> findClass(String wanted) throws ClassNotFoundException {
                var bytes = classFiles.get(wanted);
                if (bytes == null) {
                    throw new ClassNotFoundException(wanted);
                }
                return defineClass(wanted, bytes, 0, bytes.length);
            }
        };
        try {
            return loader.loadClass(name);
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }
}
