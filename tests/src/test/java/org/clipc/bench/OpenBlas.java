package org.clipc.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.openblas.global.openblas_nolapack;

/** OpenBLAS as JavaCPP packs it. JavaCPP's own bindings lack batches and the name of the kernels chosen, hence the calls by hand. */
@SuppressWarnings("restricted") // calling a native library is what this is for
final class OpenBlas {

    private static final int ROW_MAJOR = 101;
    private static final int NO_TRANS = 111;
    private static final int TRANS = 112;

    private final SymbolLookup library;
    private final MethodHandle gemm;

    OpenBlas(int threads) {
        Loader.load(openblas_nolapack.class);
        library = SymbolLookup.loaderLookup();
        // order, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc
        gemm = function(
                "cblas_sgemm",
                FunctionDescriptor.ofVoid(
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_FLOAT,
                        ADDRESS,
                        JAVA_INT,
                        ADDRESS,
                        JAVA_INT,
                        JAVA_FLOAT,
                        ADDRESS,
                        JAVA_INT));
        call(function("openblas_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT)), threads);
    }

    private MethodHandle function(String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), descriptor);
    }

    private static Object call(MethodHandle function, Object... arguments) {
        try {
            return function.invokeWithArguments(arguments);
        } catch (Throwable e) {
            throw new IllegalStateException("OpenBLAS cannot be called", e);
        }
    }

    private String text(String function) {
        var result = (MemorySegment) call(function(function, FunctionDescriptor.of(ADDRESS)));
        return result.reinterpret(Integer.MAX_VALUE).getString(0);
    }

    /** Its version and the name of the processor whose kernels it runs. */
    String description() {
        return text("openblas_get_config") + ", running kernels for " + text("openblas_get_corename");
    }

    /** A batch is a loop of calls in each of the common pool's threads: OpenBLAS's own batches crash where they are small. */
    void multiply(Product p, MemorySegment a, MemorySegment b, MemorySegment c) {
        if (p.batch() == 1) {
            multiplyOne(p, a, b, c, 0);
            return;
        }
        IntStream.range(0, p.batch()).parallel().forEach(i -> multiplyOne(p, a, b, c, i));
    }

    private void multiplyOne(Product p, MemorySegment a, MemorySegment b, MemorySegment c, long i) {
        try {
            gemm.invokeExact(
                    ROW_MAJOR,
                    p.transA() ? TRANS : NO_TRANS,
                    p.transB() ? TRANS : NO_TRANS,
                    p.m(),
                    p.n(),
                    p.k(),
                    1f,
                    a.asSlice(4 * i * p.m() * p.k()),
                    p.transA() ? p.m() : p.k(),
                    b.asSlice(4 * i * p.k() * p.n()),
                    p.transB() ? p.k() : p.n(),
                    0f,
                    c.asSlice(4 * i * p.m() * p.n()),
                    p.n());
        } catch (Throwable e) {
            throw new IllegalStateException("OpenBLAS cannot be called", e);
        }
    }
}
