package org.clipc.runtime.kernel;

import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import org.clipc.program.ProgramFormatException;
import org.clipc.runtime.io.DataFormatException;

/** The kernels of a program: reads them, admits them, and has them defined with the classes that they refer to. */
public final class KernelLoader {

    /** Where class files come from. */
    @FunctionalInterface
    public interface Source {
        byte[] read(String className) throws ProgramFormatException;
    }

    /** Far more than kernels share; no program can keep its loader busy with chains of them. */
    private static final int MOST_NEEDED = 64;

    private final Path program;
    private final Source source;
    private final KernelClasses classes;
    private final Map<String, KernelCode> admitted = new HashMap<>();

    /** @param program for error messages */
    public KernelLoader(Path program, Source source, KernelClasses classes) {
        this.program = program;
        this.source = source;
        this.classes = classes;
    }

    /**
     * The {@code run} of a kernel.
     *
     * @throws DataFormatException if it, or a class that it refers to, may not run or cannot be linked
     */
    public MethodHandle kernel(String className) throws ProgramFormatException {
        try {
            return defined(className).run();
        } catch (NoSuchMethodException | IllegalAccessException e) {
            throw refused(
                    className,
                    "has no method public static void run(MemorySegment, long[], int, int, float[], float[])");
        } catch (LinkageError e) {
            throw unlinked(className, e);
        }
    }

    /**
     * An instance of a kernel's class, as TornadoVM takes kernels.
     *
     * @throws DataFormatException if it, or a class that it refers to, may not run or cannot be linked
     */
    public Object instance(String className) throws ProgramFormatException {
        try {
            return defined(className).type().getConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw refused(className, "cannot be created (" + e + ")");
        } catch (LinkageError e) {
            throw unlinked(className, e);
        }
    }

    private KernelClasses.Defined defined(String className) throws ProgramFormatException {
        var needed = new LinkedHashMap<String, KernelCode>();
        addNeeded(className, needed);
        return classes.define(className, needed);
    }

    /** Adds the class and all that it refers to, directly or not. */
    private void addNeeded(String className, SequencedMap<String, KernelCode> needed) throws ProgramFormatException {
        if (needed.containsKey(className)) {
            return;
        }
        var code = code(className);
        if (needed.size() == MOST_NEEDED) {
            throw refused(needed.sequencedKeySet().getFirst(), "needs more than " + MOST_NEEDED + " classes");
        }
        needed.put(className, code);
        for (var other : code.references()) {
            addNeeded(other, needed);
        }
    }

    private KernelCode code(String className) throws ProgramFormatException {
        var known = admitted.get(className);
        if (known != null) {
            return known;
        }
        var bytes = source.read(className);
        KernelAdmission.objection(className, bytes).ifPresent(objection -> {
            throw refused(className, objection);
        });
        var code = KernelCode.of(className, bytes);
        admitted.put(className, code);
        return code;
    }

    private DataFormatException unlinked(String className, LinkageError e) {
        return refused(className, "cannot be linked (" + e.getMessage() + ")");
    }

    private DataFormatException refused(String className, String reason) {
        return new DataFormatException(program, "kernel " + className, reason);
    }
}
