package org.clipc.compiler.pack;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.clipc.program.Program;
import org.clipc.program.ProgramFormatException;
import org.clipc.runtime.kernel.KernelClasses;
import org.clipc.runtime.kernel.KernelLoader;

/**
 * The kernels of a program that no file holds, admitted and defined as the JVM's device does it: once for all programs that
 * have them. Most programs of tests share most of theirs, and warming these up takes longer than what they compute.
 */
final class ProgramKernels {

    private static final Path PROGRAM = Path.of("program");

    private final KernelLoader loader;
    private final Map<String, MethodHandle> handles = new HashMap<>();

    ProgramKernels(Program program, String target) {
        loader = new KernelLoader(
                PROGRAM,
                className -> {
                    var bytes =
                            program.kernels().get(target + "/" + className.substring(className.lastIndexOf('.') + 1));
                    if (bytes == null) {
                        throw new ProgramFormatException(PROGRAM, "has no " + className);
                    }
                    return bytes;
                },
                KernelClasses.ofJvm());
    }

    /** The kernel's {@code run}. */
    MethodHandle kernel(String className) {
        return handles.computeIfAbsent(className, name -> {
            try {
                return loader.kernel(name);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }
}
