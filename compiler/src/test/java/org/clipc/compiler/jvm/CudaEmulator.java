package org.clipc.compiler.jvm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** Runs kernels in CUDA C on the CPU: compiled by g++, with a header that says what CUDA adds to the language. */
public final class CudaEmulator {

    private static final Map<String, MethodHandle> COMPILED = new HashMap<>();

    private CudaEmulator() {}

    /** @param sources by the names of the kernel functions */
    public static synchronized void compile(Map<String, String> sources) {
        var missing = new TreeMap<>(sources);
        missing.keySet().removeAll(COMPILED.keySet());
        if (missing.isEmpty()) {
            return;
        }
        if (Nvrtc.isPresent()) {
            missing.forEach(Nvrtc::check);
        }
        try (var header = CudaEmulator.class.getResourceAsStream("/cuda/emulator.h")) {
            var text = new StringBuilder(
                    new String(Objects.requireNonNull(header).readAllBytes(), StandardCharsets.UTF_8));
            missing.forEach((name, source) -> text.append(emulated(name, source)));
            var folder = Files.createTempDirectory("clipc-cuda");
            folder.toFile().deleteOnExit();
            var file = Files.writeString(folder.resolve("kernels.cpp"), text);
            file.toFile().deleteOnExit();
            link(build(file), missing.keySet());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A kernel in a namespace of its own, with a function that runs all its blocks. */
    private static String emulated(String name, String source) {
        var portable = source.replaceAll(
                "(?s)static __device__ (void|unsigned|float) (mma_m16n8k16|ldmatrix_x4|ldmatrix_x4_trans"
                        + "|copy_async|copy_word_async|await_copies)\\(.*?\n}\n",
                "");
        return """
                namespace of_%1$s {
                %2$s
                static unsigned char *arena_;
                static int *n_;
                static const Args *args_;
                static void body() {
                    %1$s(arena_, n_, *args_);
                }
                extern "C" void run_%1$s(unsigned char *arena, int *n, const Args *args, int groups, int size) {
                    arena_ = arena;
                    n_ = n;
                    args_ = args;
                    emulator::run(body, groups, size);
                }
                }
                """.formatted(name, portable);
    }

    private static Path build(Path file) throws IOException {
        var library = file.resolveSibling("kernels.so");
        library.toFile().deleteOnExit();
        var process = new ProcessBuilder(
                        "g++",
                        "-std=c++17",
                        "-O1",
                        "-w",
                        "-shared",
                        "-fPIC",
                        "-fwrapv",
                        // Contracts products and sums, as CUDA's compiler does.
                        "-march=native",
                        "-ffp-contract=fast",
                        "-fexpensive-optimizations",
                        "-o",
                        library.toString(),
                        file.toString())
                .redirectErrorStream(true)
                .start();
        var messages = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new AssertionError(messages + "\n" + Files.readString(file));
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        return library;
    }

    @SuppressWarnings("restricted") // kernels stay within the memory that they are given, or the test fails
    private static void link(Path library, Iterable<String> names) {
        var symbols = SymbolLookup.libraryLookup(library, Arena.global());
        var type = FunctionDescriptor.ofVoid(
                ValueLayout.ADDRESS,
                ValueLayout.ADDRESS,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT);
        for (var name : names) {
            var function = symbols.find("run_" + name).orElseThrow();
            COMPILED.put(name, Linker.nativeLinker().downcallHandle(function, type));
        }
    }

    /** By one thread at a time, since kernels keep what they work on in variables of their own. */
    public static synchronized void run(
            String name, MemorySegment arena, MemorySegment ints, MemorySegment args, int groups, int groupSize) {
        try {
            Objects.requireNonNull(COMPILED.get(name)).invoke(arena, ints, args, groups, groupSize);
        } catch (Throwable e) {
            throw new AssertionError("kernel " + name + " cannot be called", e);
        }
    }
}
