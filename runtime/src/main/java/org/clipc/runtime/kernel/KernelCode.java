package org.clipc.runtime.kernel;

import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.ClassEntry;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Set;
import java.util.TreeSet;

/** The class file of an admitted kernel, and which other kernels it refers to. */
final class KernelCode {

    private final String className;
    private final byte[] bytes;
    private final String digest;
    private final Set<String> references;

    private KernelCode(String className, byte[] bytes, Set<String> references) {
        this.className = className;
        this.bytes = bytes;
        this.digest = digest(bytes);
        this.references = references;
    }

    /** @param bytes that {@link KernelAdmission} has nothing against */
    static KernelCode of(String className, byte[] bytes) {
        var names = new TreeSet<String>();
        for (var entry : ClassFile.of().parse(bytes).constantPool()) {
            if (entry instanceof ClassEntry type) {
                var element = KernelAdmission.elementType(type.asInternalName()).replace('/', '.');
                if (KernelClasses.isKernel(element) && !element.equals(className)) {
                    names.add(element);
                }
            }
        }
        return new KernelCode(className, bytes.clone(), Set.copyOf(names));
    }

    String className() {
        return className;
    }

    byte[] bytes() {
        return bytes.clone();
    }

    /** The same for equal bytes only. */
    String digest() {
        return digest;
    }

    Set<String> references() {
        return references;
    }

    private static String digest(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
