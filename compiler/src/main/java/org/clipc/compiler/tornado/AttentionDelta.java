package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.AttentionGrad;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/** The sums of do · o, for every row of every head, which the gradient of a softmax takes off that of its results. */
final class AttentionDelta {

    /** Rows of a group where a work item has a row. */
    private static final int GROUP = 64;

    private static final int THREADS = 256;

    /** Rows of a thread on CUDA, about: loads that are on their way at the same time. */
    private static final int ROWS = 4;

    private static final int WARP = 32;

    private static final String FUNCTIONS = """
            // Eight neighbours in a row, zeros where it ends.
            static __device__ uint4 fetch(const unsigned short *row, int c) {
                uint4 vector = {0, 0, 0, 0};
                if (ALIGNED && (DEPTH % (8 * LANES) == 0 || c < DEPTH)) {
                    vector = *(const uint4 *) (row + c);
                } else if (!ALIGNED) {
                    unsigned short *elements = (unsigned short *) &vector;
                    for (int i = 0; i < 8; i++) {
                        elements[i] = c + i < DEPTH ? row[c + i] : 0;
                    }
                }
                return vector;
            }
            static __device__ float product(unsigned a, unsigned b) {
                return __uint_as_float(a << 16) * __uint_as_float(b << 16)
                        + __uint_as_float(a & 0xffff0000u) * __uint_as_float(b & 0xffff0000u);
            }
            """;

    /**
     * Some lanes of a warp have a row. A block has all heads of some queries, since these lie side by side, as a rule. Who
     * has none takes the last, so that nothing delays the loads.
     */
    private static final String BODY = """
                const int lane = threadIdx.x % LANES, own = threadIdx.x / LANES;
                const int first = (int) blockIdx.x % blocks * QUERIES;
                const long batch = (int) blockIdx.x / blocks;
                const unsigned short *by = (const unsigned short *) arena + dout + batch * doutBatch;
                const unsigned short *of = (const unsigned short *) arena + o + batch * oBatch;
                float sums[ROWS] = {};
                for (int c = lane * 8; c < PADDED; c += LANES * 8) {
                    uint4 left[ROWS], right[ROWS];
                    #pragma unroll
                    for (int i = 0; i < ROWS; i++) {
                        const int at = own + i * (THREADS / LANES), head = at % HEADS;
                        const int row = min(first + at / HEADS, queries - 1);
                        left[i] = fetch(by + row * (long) doutRow + head * (long) doutHead, c);
                        right[i] = fetch(of + row * (long) oRow + head * (long) oHead, c);
                    }
                    #pragma unroll
                    for (int i = 0; i < ROWS; i++) {
                        sums[i] += product(left[i].x, right[i].x) + product(left[i].y, right[i].y)
                                + product(left[i].z, right[i].z) + product(left[i].w, right[i].w);
                    }
                }
                #pragma unroll
                for (int i = 0; i < ROWS; i++) {
                    #pragma unroll
                    for (int apart = LANES / 2; apart > 0; apart /= 2) {
                        sums[i] += __shfl_xor_sync(0xffffffffu, sums[i], apart);
                    }
                    const int at = own + i * (THREADS / LANES), head = at % HEADS, row = first + at / HEADS;
                    if (lane == 0 && at < QUERIES * HEADS && row < queries) {
                        f[delta + (batch * HEADS + head) * queries + row] = sums[i];
                    }
                }
            """;

    private AttentionDelta() {}

    /** Plans the sums, [batch, heads, queries] in a temporary buffer. */
    static View plan(AttentionGrad spec, Launch launch, CallSink sink) {
        var q = launch.inputs().get(1);
        int rows = q.dim(0) * q.dim(2) * q.dim(1);
        var delta = sink.temporary(DType.F32, List.of(rows));
        if (spec.dtype() == DType.BF16 && TornadoTarget.dialect(sink.target()) == CDialect.CUDA) {
            planCuda(launch, delta, sink);
        } else {
            plan(spec.dtype(), launch, rows, delta, sink);
        }
        return delta;
    }

    private static TornadoKernel bind(TornadoKernel kernel, Launch launch, View delta) {
        kernel.number("queries", launch.inputs().get(1).dim(1)).at("delta", delta);
        AttentionTemplate.bind(kernel, "dout", launch.inputs().get(0));
        AttentionTemplate.bind(kernel, "o", launch.inputs().get(4));
        return kernel;
    }

    private static void planCuda(Launch launch, View delta, CallSink sink) {
        var q = launch.inputs().get(1);
        var heads = q.dim(2);
        var depth = q.dim(3);
        var vectors = Math.ceilDiv(depth, TensorCores.VECTOR);
        var lanes = Math.min(WARP, Integer.highestOneBit(Math.max(1, 2 * vectors - 1)));
        var atOnce = THREADS / lanes;
        var queries = Math.max(1, ROWS * atOnce / heads);
        var blocks = Math.ceilDiv(q.dim(1), queries);
        var aligned = TensorCores.isAligned(
                List.of(launch.inputs().get(0), launch.inputs().get(4)));
        var kernel = new TornadoKernel(
                "AttentionDelta",
                "Row sums of do · o of bf16 with %d heads of %d%s".formatted(heads, depth, aligned ? ", aligned" : ""),
                THREADS);
        var constants = """
                constexpr int DEPTH = %d, PADDED = %d, HEADS = %d, QUERIES = %d, LANES = %d, ROWS = %d, THREADS = %d;
                constexpr bool ALIGNED = %b;
                """.formatted(
                        depth,
                        vectors * TensorCores.VECTOR,
                        heads,
                        queries,
                        lanes,
                        Math.ceilDiv(queries * heads, atOnce),
                        THREADS,
                        aligned);
        bind(kernel.number("blocks", blocks), launch, delta)
                .launchCuda(sink, (long) q.dim(0) * blocks, constants + FUNCTIONS, BODY);
    }

    private static void plan(DType dtype, Launch launch, int rows, View delta, CallSink sink) {
        var q = launch.inputs().get(1);
        var kernel = new TornadoKernel("AttentionDelta", "Row sums of do · o of " + dtype.text(), GROUP)
                .number("rows", rows)
                .number("heads", q.dim(2))
                .number("depth", q.dim(3));
        bind(kernel, launch, delta)
                .launch(
                        sink,
                        Math.ceilDiv(rows, GROUP),
                        _ -> CodeBlock.of(
                                """
                final int at = group * $L + local;
                if (at < rows) {
                    final int row = at % queries;
                    final int head = at / queries % heads;
                    final int batch = at / queries / heads;
                    final int by = dout + batch * doutBatch + row * doutRow + head * doutHead;
                    final int of = o + batch * oBatch + row * oRow + head * oHead;
                    float sum = 0f;
                    for (int c = 0; c < depth; c++) {
                        sum += $L * $L;
                    }
                    f.set(delta + at, sum);
                }
                """, GROUP, TornadoKernel.load(dtype, "by + c"), TornadoKernel.load(dtype, "of + c")));
    }
}
