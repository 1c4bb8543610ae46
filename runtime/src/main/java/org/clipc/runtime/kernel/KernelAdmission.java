package org.clipc.runtime.kernel;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.DoubleEntry;
import java.lang.classfile.constantpool.FloatEntry;
import java.lang.classfile.constantpool.IntegerEntry;
import java.lang.classfile.constantpool.LongEntry;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.NameAndTypeEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.StringEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.lang.reflect.AccessFlag;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Decides which class files may run as kernels: those that refer to nothing but themselves, other classes of their own
 * package (which only an admitted class can be) and the {@link AllowList}.
 * All that bytecode can do outside of its own frame goes through the constant pool, so checking the pool's entries checks
 * the code; the JVM's verifier does the rest when the class is defined.
 */
final class KernelAdmission {

    private final String name;
    private final ClassModel model;
    private final Set<String> own = new HashSet<>();

    private KernelAdmission(String name, ClassModel model) {
        this.name = name;
        this.model = model;
        model.fields().forEach(f -> own.add(f.fieldName() + " " + f.fieldType()));
        model.methods().forEach(m -> own.add(m.methodName() + " " + m.methodType()));
    }

    /**
     * @param className binary name that the class must have
     * @return why the class may not run; empty if it may
     */
    static Optional<String> objection(String className, byte[] bytes) {
        try {
            var model = ClassFile.of().parse(bytes);
            return new KernelAdmission(className.replace('.', '/'), model).objection();
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            return Optional.of("is no class file that can be read (" + e.getMessage() + ")");
        }
    }

    private Optional<String> objection() {
        if (!model.thisClass().asInternalName().equals(name)) {
            return Optional.of("calls itself " + model.thisClass().asInternalName());
        }
        var parent = model.superclass().map(ClassEntry::asInternalName).orElse("nothing");
        var implementsMore = model.interfaces().stream()
                .anyMatch(type -> !type.asInternalName().equals(AllowList.TASK));
        if (!parent.equals("java/lang/Object") || implementsMore) {
            return Optional.of("must extend java.lang.Object and implement nothing, or TornadoVM's Task5");
        }
        if (model.flags().has(AccessFlag.INTERFACE) || !model.flags().has(AccessFlag.PUBLIC)) {
            return Optional.of("must be a public class");
        }
        if (model.methods().stream().anyMatch(m -> m.flags().has(AccessFlag.NATIVE))) {
            return Optional.of("has a native method");
        }
        if (!model.fields().stream().allMatch(f -> f.flags().has(AccessFlag.FINAL))) {
            return Optional.of("has a field that is not final");
        }
        for (var entry : model.constantPool()) {
            var forbidden = forbidden(entry);
            if (forbidden != null) {
                return Optional.of("refers to " + forbidden + ", which kernels may not use");
            }
        }
        return Optional.empty();
    }

    private boolean isOfOwnPackage(String other) {
        return other.startsWith(name.substring(0, name.lastIndexOf('/') + 1))
                && other.lastIndexOf('/') == name.lastIndexOf('/');
    }

    /** What the entry refers to if that is not allowed, else null. */
    private @Nullable String forbidden(PoolEntry entry) {
        return switch (entry) {
            case Utf8Entry _, IntegerEntry _, LongEntry _, FloatEntry _, DoubleEntry _, StringEntry _ -> null;
            case NameAndTypeEntry _ -> null;
            case ClassEntry type -> {
                var element = elementType(type.asInternalName());
                yield element.isEmpty() || isOfOwnPackage(element) || AllowList.allowsClass(element) ? null : element;
            }
            case MemberRefEntry member -> {
                var owner = member.owner().asInternalName();
                var allowed = owner.equals(name)
                        ? own.contains(member.name() + " " + member.type())
                        : isOfOwnPackage(owner)
                                || AllowList.allowsMember(owner, member.name().stringValue());
                yield allowed ? null : owner + "." + member.name();
            }
            default -> "a dynamic call, method handle or module";
        };
    }

    /** {@code a/B} for {@code a/B} and for arrays of it; empty for arrays of primitives. */
    static String elementType(String internalName) {
        if (!internalName.startsWith("[")) {
            return internalName;
        }
        var element = internalName.substring(internalName.lastIndexOf('[') + 1);
        return element.startsWith("L") ? element.substring(1, element.length() - 1) : "";
    }
}
