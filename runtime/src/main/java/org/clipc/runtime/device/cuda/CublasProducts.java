package org.clipc.runtime.device.cuda;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.cuda.cublas.cublasLtContext;
import org.bytedeco.cuda.cublas.cublasLtMatmulDescOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulHeuristicResult_t;
import org.bytedeco.cuda.cublas.cublasLtMatmulPreferenceOpaque_t;
import org.bytedeco.cuda.cublas.cublasLtMatrixLayoutOpaque_t;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.cuda.CudaProduct.Matrix;

/** Products by cuBLASLt, by the algorithm that it thinks the fastest for each. All methods want the device's context current. */
final class CublasProducts {

    /** Bytes of the workspace: what NVIDIA advises for cuBLAS on Hopper. */
    static final long WORKSPACE = 32L << 20;

    /** An address is taken to be a multiple of no more than that. */
    private static final long MOST_ALIGNED = 256;

    private final cublasLtContext library = new cublasLtContext();
    private final long workspace;
    private final boolean tf32;
    private final Map<CudaProduct, Optional<Plan>> plans = new HashMap<>();

    /** A product that the library has chosen an algorithm for. */
    private record Plan(
            cublasLtMatmulDescOpaque_t work,
            cublasLtMatrixLayoutOpaque_t first,
            cublasLtMatrixLayoutOpaque_t second,
            cublasLtMatrixLayoutOpaque_t addend,
            cublasLtMatrixLayoutOpaque_t result,
            cublasLtMatmulHeuristicResult_t found) {}

    /**
     * @param workspace address of {@value #WORKSPACE} bytes of device memory, for all products of one stream
     * @param tf32 whether products of f32 may be computed from numbers of 10 bits
     * @throws LinkageError if the binding, or what it binds, is missing
     */
    CublasProducts(long workspace, boolean tf32) {
        this.workspace = workspace;
        this.tf32 = tf32;
        checkLibrary("cublasLtCreate", cublas.cublasLtCreate(library));
    }

    /** Whether the library takes a product; the first time, finds the way to compute it. */
    boolean prepare(CudaProduct product, long arena) {
        return plans.computeIfAbsent(product, p -> plan(p, arena)).isPresent();
    }

    private Optional<Plan> plan(CudaProduct product, long arena) {
        var work = new cublasLtMatmulDescOpaque_t();
        var exact = product.bf16() || !tf32;
        checkLibrary(
                "cublasLtMatmulDescInit",
                cublas.cublasLtMatmulDescInit(
                        work,
                        exact ? cublas.CUBLAS_COMPUTE_32F : cublas.CUBLAS_COMPUTE_32F_FAST_TF32,
                        cudart.CUDA_R_32F));
        set(work, cublas.CUBLASLT_MATMUL_DESC_TRANSA, operation(product.first()));
        set(work, cublas.CUBLASLT_MATMUL_DESC_TRANSB, operation(product.second()));
        setEpilogue(work, product, arena);
        var result = layout(product.stored(), product.bf16Result(), product.batch());
        var first = layout(product.first(), product.bf16(), product.batch());
        var second = layout(product.second(), product.bf16(), product.batch());
        var addend =
                product.addend().place() < 0 ? result : layout(product.addend(), product.bf16Result(), product.batch());
        var found = new cublasLtMatmulHeuristicResult_t();
        try (var preference = preference(product, arena);
                var count = new IntPointer(1L)) {
            var status = cublas.cublasLtMatmulAlgoGetHeuristic(
                    library, work, first, second, addend, result, preference, 1, found, count);
            if (status == cublas.CUBLAS_STATUS_NOT_SUPPORTED || status == cublas.CUBLAS_STATUS_INVALID_VALUE) {
                return Optional.empty();
            }
            checkLibrary("cublasLtMatmulAlgoGetHeuristic", status);
            if (count.get() == 0 || found.state() != cublas.CUBLAS_STATUS_SUCCESS) {
                return Optional.empty();
            }
            return Optional.of(new Plan(work, first, second, addend, result, found));
        }
    }

    private static void setEpilogue(cublasLtMatmulDescOpaque_t work, CudaProduct product, long arena) {
        set(work, cublas.CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue(product));
        if (product.bias() >= 0) {
            set(work, cublas.CUBLASLT_MATMUL_DESC_BIAS_POINTER, address(product.bias(), product.bf16Result(), arena));
        } else if (product.hasSums()) {
            set(
                    work,
                    cublas.CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                    address(product.sums().place(), product.bf16Result(), arena));
        }
        var argument = product.behind().argument();
        if (product.isActivated() && argument.place() >= 0) {
            set(
                    work,
                    cublas.CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER,
                    address(argument.place(), product.bf16Result(), arena));
            set(work, cublas.CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, argument.step());
        }
    }

    /** Of all that may be wanted besides a product, the compiler asks for one thing at a time, but for biases. */
    private static int epilogue(CudaProduct product) {
        var hasBias = product.bias() >= 0;
        var keepsArgument = product.behind().argument().place() >= 0;
        return switch (product.behind().activation()) {
            case GELU_GRADIENT -> cublas.CUBLASLT_EPILOGUE_DGELU;
            case GELU ->
                keepsArgument
                        ? hasBias ? cublas.CUBLASLT_EPILOGUE_GELU_AUX_BIAS : cublas.CUBLASLT_EPILOGUE_GELU_AUX
                        : hasBias ? cublas.CUBLASLT_EPILOGUE_GELU_BIAS : cublas.CUBLASLT_EPILOGUE_GELU;
            case NONE -> {
                if (hasBias) {
                    yield cublas.CUBLASLT_EPILOGUE_BIAS;
                }
                if (product.hasSums()) {
                    yield product.sums().ofFirst() ? cublas.CUBLASLT_EPILOGUE_BGRADA : cublas.CUBLASLT_EPILOGUE_BGRADB;
                }
                yield cublas.CUBLASLT_EPILOGUE_DEFAULT;
            }
        };
    }

    private static int operation(Matrix matrix) {
        return matrix.transposed() ? cublas.CUBLAS_OP_T : cublas.CUBLAS_OP_N;
    }

    private static void set(cublasLtMatmulDescOpaque_t work, int attribute, int value) {
        try (var pointer = new IntPointer(new int[] {value})) {
            checkLibrary(
                    "cublasLtMatmulDescSetAttribute",
                    cublas.cublasLtMatmulDescSetAttribute(work, attribute, pointer, Integer.BYTES));
        }
    }

    private static void set(cublasLtMatmulDescOpaque_t work, int attribute, long value) {
        try (var pointer = new LongPointer(new long[] {value})) {
            checkLibrary(
                    "cublasLtMatmulDescSetAttribute",
                    cublas.cublasLtMatmulDescSetAttribute(work, attribute, pointer, Long.BYTES));
        }
    }

    private static cublasLtMatrixLayoutOpaque_t layout(Matrix matrix, boolean bf16, int batch) {
        var layout = new cublasLtMatrixLayoutOpaque_t();
        var type = bf16 ? cudart.CUDA_R_16BF : cudart.CUDA_R_32F;
        checkLibrary(
                "cublasLtMatrixLayoutInit",
                cublas.cublasLtMatrixLayoutInit(layout, type, matrix.rows(), matrix.columns(), matrix.step()));
        if (batch > 1) {
            try (var count = new IntPointer(new int[] {batch});
                    var step = new LongPointer(new long[] {matrix.batchStep()})) {
                checkLibrary(
                        "cublasLtMatrixLayoutSetAttribute",
                        cublas.cublasLtMatrixLayoutSetAttribute(
                                layout, cublas.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count, Integer.BYTES));
                checkLibrary(
                        "cublasLtMatrixLayoutSetAttribute",
                        cublas.cublasLtMatrixLayoutSetAttribute(
                                layout, cublas.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, step, Long.BYTES));
            }
        }
        return layout;
    }

    /** The memory that an algorithm may use, and what the matrices' addresses are multiples of. */
    private static cublasLtMatmulPreferenceOpaque_t preference(CudaProduct product, long arena) {
        var preference = new cublasLtMatmulPreferenceOpaque_t();
        checkLibrary("cublasLtMatmulPreferenceInit", cublas.cublasLtMatmulPreferenceInit(preference));
        try (var bytes = new LongPointer(new long[] {WORKSPACE})) {
            checkLibrary(
                    "cublasLtMatmulPreferenceSetAttribute",
                    cublas.cublasLtMatmulPreferenceSetAttribute(
                            preference, cublas.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, bytes, Long.BYTES));
        }
        var result = alignment(product.stored(), product.bf16Result(), arena, product.outer());
        var addend = product.addend().place() < 0
                ? result
                : alignment(product.addend(), product.bf16Result(), arena, product.outer());
        set(
                preference,
                cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
                alignment(product.first(), product.bf16(), arena, product.outer()));
        set(
                preference,
                cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                alignment(product.second(), product.bf16(), arena, product.outer()));
        set(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, addend);
        set(preference, cublas.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, result);
        return preference;
    }

    private static void set(cublasLtMatmulPreferenceOpaque_t preference, int attribute, int value) {
        try (var pointer = new IntPointer(new int[] {value})) {
            checkLibrary(
                    "cublasLtMatmulPreferenceSetAttribute",
                    cublas.cublasLtMatmulPreferenceSetAttribute(preference, attribute, pointer, Integer.BYTES));
        }
    }

    private static int alignment(Matrix matrix, boolean bf16, long arena, int outer) {
        var steps = outer == 1 ? 0 : matrix.outerStep() * bytes(bf16);
        return Math.toIntExact(Long.lowestOneBit(address(matrix.place(), bf16, arena) | steps | MOST_ALIGNED));
    }

    private static long bytes(boolean bf16) {
        return bf16 ? Short.BYTES : Float.BYTES;
    }

    private static long address(long place, boolean bf16, long arena) {
        return arena + place * bytes(bf16);
    }

    /** Starts a product that {@link #prepare} takes. */
    void multiply(CudaProduct product, long arena, CUstream_st stream) {
        var plan = Objects.requireNonNull(plans.get(product)).orElseThrow();
        var hasAddend = product.addend().place() >= 0;
        try (var one = new FloatPointer(new float[] {1});
                var beta = new FloatPointer(new float[] {hasAddend ? 1 : 0})) {
            for (var i = 0; i < product.outer(); i++) {
                var result = at(product.stored(), i, product.bf16Result(), arena);
                checkLibrary(
                        "cublasLtMatmul",
                        cublas.cublasLtMatmul(
                                library,
                                plan.work(),
                                one,
                                at(product.first(), i, product.bf16(), arena),
                                plan.first(),
                                at(product.second(), i, product.bf16(), arena),
                                plan.second(),
                                beta,
                                hasAddend ? at(product.addend(), i, product.bf16Result(), arena) : result,
                                plan.addend(),
                                result,
                                plan.result(),
                                plan.found().algo(),
                                new CudaAddress(workspace),
                                WORKSPACE,
                                stream));
            }
        }
    }

    private static Pointer at(Matrix matrix, int outer, boolean bf16, long arena) {
        return new CudaAddress(address(matrix.place() + outer * matrix.outerStep(), bf16, arena));
    }

    void close() {
        cublas.cublasLtDestroy(library);
    }

    private static void checkLibrary(String function, int code) {
        if (code != cublas.CUBLAS_STATUS_SUCCESS) {
            throw new DeviceException(function + " failed: "
                    + cublas.cublasLtGetStatusString(code).getString());
        }
    }
}
