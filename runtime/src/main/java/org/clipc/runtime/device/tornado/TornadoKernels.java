package org.clipc.runtime.device.tornado;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.clipc.program.KernelCall;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.GemmKernels;
import org.clipc.runtime.kernel.KernelClasses;
import org.clipc.runtime.kernel.KernelLoader;

/**
 * A program's kernels for TornadoVM, in the rendering that was asked for. TornadoVM reads prebuilt ones from files, which
 * exist until this is closed.
 */
final class TornadoKernels implements AutoCloseable {

    private final ProgramFile program;
    private final String target;
    private final GemmKernels gemm;
    private final boolean compilesOpenCl;
    private final long headerBytes;
    private final KernelLoader loader;
    private final Map<String, Optional<Path>> prebuilt = new HashMap<>();
    private final Path folder;
    private Set<KernelCall> inJava = Set.of();

    /**
     * @param compilesOpenCl whether the device's driver takes OpenCL C
     * @param headerBytes before the first element of TornadoVM's arrays
     */
    TornadoKernels(ProgramFile program, String target, GemmKernels gemm, boolean compilesOpenCl, long headerBytes)
            throws IOException {
        this.program = program;
        this.target = target;
        this.gemm = gemm;
        this.compilesOpenCl = compilesOpenCl;
        this.headerBytes = headerBytes;
        this.loader = new KernelLoader(
                program.path(),
                kernel -> program.kernel(target, kernel),
                new KernelClasses(TornadoKernels.class.getClassLoader()));
        this.folder = Files.createTempDirectory("clipc-kernels");
    }

    /** An instance of a kernel that every program for TornadoVM has. */
    Object fixed(String simpleName) throws IOException {
        return loader.instance("org.clipc.kernels." + target + "." + simpleName);
    }

    /** Those of a schedule's kernels that are there in C and in Java, where both would do. */
    Set<String> inBoth(Schedule schedule) throws IOException {
        var both = new TreeSet<String>();
        if (gemm == GemmKernels.AUTO && compilesOpenCl) {
            for (var call : schedule.kernelCalls()) {
                if (program.hasClass(target, call.kernel())
                        && source(call.kernel()).isPresent()) {
                    both.add(call.kernel());
                }
            }
        }
        return both;
    }

    /** Has TornadoVM compile these calls' kernels, by identity, from now on, where it can and may. */
    void renderInJava(Set<KernelCall> calls) {
        inJava = gemm == GemmKernels.AUTO ? calls : Set.of();
    }

    /** Whether a call's kernel is one that the driver compiles. */
    boolean isPrebuilt(KernelCall call) throws IOException {
        return source(call).isPresent();
    }

    /** Adds a call to a graph. */
    void add(KernelCall call, TornadoGraph graph, TornadoVm.DeviceArray... arrays) throws IOException {
        var source = source(call);
        if (source.isPresent()) {
            graph.prebuiltTask(simpleName(call.kernel()), source.get(), call.units(), call.groupSize(), arrays);
        } else {
            graph.task(loader.instance(call.kernel()), call.units(), call.groupSize(), arrays);
        }
    }

    private Optional<Path> source(KernelCall call) throws IOException {
        return inJava.contains(call) && program.hasClass(target, call.kernel())
                ? Optional.empty()
                : source(call.kernel());
    }

    private Optional<Path> source(String kernel) throws IOException {
        var hasClass = program.hasClass(target, kernel);
        if (hasClass && gemm == GemmKernels.JIT) {
            return Optional.empty();
        }
        if (!hasClass && !compilesOpenCl) {
            throw new DeviceException(
                    "%s: kernel %s is there in OpenCL C only, as all are that work on bf16, and this device takes none: compile with --target tornadocuda for CUDA, or with trainer.precision=32"
                            .formatted(program.path(), simpleName(kernel)));
        }
        var known = prebuilt.get(kernel);
        if (known == null) {
            var text = program.prebuilt(target, kernel);
            known = text.isPresent() ? Optional.of(write(kernel, text.get())) : Optional.empty();
            prebuilt.put(kernel, known);
        }
        return known;
    }

    private static String simpleName(String kernel) {
        return kernel.substring(kernel.lastIndexOf('.') + 1);
    }

    private Path write(String kernel, String text) throws IOException {
        var file = folder.resolve(simpleName(kernel) + ".cl");
        return Files.writeString(file, "#define HEADER " + headerBytes + "\n" + text);
    }

    @Override
    public void close() throws IOException {
        for (var file : prebuilt.values()) {
            if (file.isPresent()) {
                Files.deleteIfExists(file.get());
            }
        }
        Files.deleteIfExists(folder);
    }
}
