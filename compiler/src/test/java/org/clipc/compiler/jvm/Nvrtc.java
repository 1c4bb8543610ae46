package org.clipc.compiler.jvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** NVIDIA's compiler of CUDA C, which needs no GPU, only libnvrtc.so.13 on the library path. */
public final class Nvrtc {

    /** What the runtime gives it on an H100 or H200, and that kernels need not use all helpers that they come with. */
    private static final String[] OPTIONS = {"--gpu-architecture=sm_90", "--std=c++17", "--diag-suppress=177"};

    private static final @Nullable SymbolLookup LIBRARY = library();

    private Nvrtc() {}

    @SuppressWarnings("restricted") // NVIDIA's library under its own name
    private static @Nullable SymbolLookup library() {
        try {
            return SymbolLookup.libraryLookup("libnvrtc.so.13", Arena.global());
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    public static boolean isPresent() {
        return LIBRARY != null;
    }

    /** Asserts that a kernel's source compiles, with no warning. */
    public static void check(String name, String source) {
        try (var arena = Arena.ofConfined()) {
            var made = arena.allocate(ValueLayout.ADDRESS);
            var none = MemorySegment.NULL;
            call(
                    "nvrtcCreateProgram",
                    made,
                    arena.allocateFrom(source),
                    arena.allocateFrom(name + ".cu"),
                    0,
                    none,
                    none);
            var program = made.get(ValueLayout.ADDRESS, 0);
            var options = arena.allocate(MemoryLayout.sequenceLayout(OPTIONS.length, ValueLayout.ADDRESS));
            for (var i = 0; i < OPTIONS.length; i++) {
                options.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(OPTIONS[i]));
            }
            var status = call("nvrtcCompileProgram", program, OPTIONS.length, options);
            var log = log(program, arena);
            call("nvrtcDestroyProgram", made);
            assertThat(log).as("NVRTC on %s", name).isEmpty();
            assertThat(status).as("NVRTC's status on %s", name).isZero();
        }
    }

    private static String log(MemorySegment program, Arena arena) {
        var size = arena.allocate(ValueLayout.JAVA_LONG);
        call("nvrtcGetProgramLogSize", program, size);
        var log = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0));
        call("nvrtcGetProgramLog", program, log);
        return log.getString(0).strip();
    }

    private static int call(String function, Object... arguments) {
        var types = Arrays.stream(arguments)
                .map(argument -> argument instanceof Integer ? ValueLayout.JAVA_INT : ValueLayout.ADDRESS)
                .toArray(MemoryLayout[]::new);
        try {
            return (int) handle(function, FunctionDescriptor.of(ValueLayout.JAVA_INT, types))
                    .invokeWithArguments(arguments);
        } catch (Throwable e) {
            throw new AssertionError(function, e);
        }
    }

    @SuppressWarnings("restricted") // signatures as in nvrtc.h
    private static MethodHandle handle(String function, FunctionDescriptor type) {
        return Linker.nativeLinker()
                .downcallHandle(Objects.requireNonNull(LIBRARY, "isPresent").findOrThrow(function), type);
    }
}
