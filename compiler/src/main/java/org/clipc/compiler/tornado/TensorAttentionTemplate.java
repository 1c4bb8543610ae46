package org.clipc.compiler.tornado;

import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Attention;
import org.clipc.compiler.kernel.KernelSpec.AttentionGrad;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * Flash attention of bf16 on the tensor cores of NVIDIA's GPUs, forward and backward, after FlashAttention-2 (Dao 2023,
 * arXiv:2307.08691): products by {@code mma.sync.m16n8k16}, summed in f32; a softmax that goes on from tile to tile. A warp
 * has 16 rows, a block four warps. In the backward pass one kernel sums up the gradient of its queries over tiles of keys,
 * and another those of its keys and values over tiles of queries: two products more than if one kernel did both, but no
 * atomics, whose order would differ from run to run.
 *
 * <p>The layout of fragments is that of the PTX manual, section 9.7.14.
 */
final class TensorAttentionTemplate {

    private static final int WARPS = 4;
    private static final int ROWS = 16 * WARPS;
    private static final int MOST_DEPTH = 128;

    private TensorAttentionTemplate() {}

    static boolean takes(DType dtype, boolean dropout, Launch launch) {
        return dtype == DType.BF16 && !dropout && launch.inputs().get(1).dim(3) <= MOST_DEPTH;
    }

    /** Rows of a tile: fewer where they are long, for shared memory and registers. */
    private static int tileRows(int depth) {
        return depth <= 64 ? 64 : 32;
    }

    private static final String FUNCTIONS = """
            // Fragments of A, [16 rows, 16 of the depth], and of B for two tiles of 8 columns, by rows and by columns.
            static __device__ void load_a(unsigned *a, const unsigned short *tile, int row, int k) {
                int lane = threadIdx.x % 32;
                ldmatrix_x4(a, tile + (row + lane % 16) * STRIDE + k + lane / 16 * 8);
            }
            static __device__ void load_b(unsigned *b, const unsigned short *tile, int column, int k) {
                int lane = threadIdx.x % 32;
                ldmatrix_x4(b, tile + (column + lane % 8 + lane / 16 * 8) * STRIDE + k + lane / 8 % 2 * 8);
            }
            static __device__ void load_b_trans(unsigned *b, const unsigned short *tile, int k, int column) {
                int lane = threadIdx.x % 32;
                ldmatrix_x4_trans(b, tile + (k + lane % 16) * STRIDE + column + lane / 16 * 8);
            }
            // Rows first to first + rows of a head, behind each row and behind the last row zeros.
            static __device__ void load_tile(unsigned short *tile, const unsigned short *head, long step, int first,
                                             int rows, int count) {
                for (int e = threadIdx.x; e < rows * (PADDED / 8); e += THREADS) {
                    int row = e / (PADDED / 8), k = e % (PADDED / 8) * 8;
                    unsigned short *to = tile + row * STRIDE + k;
                    const unsigned short *from = head + (first + row) * step + k;
                    if (first + row >= count) {
                        for (int i = 0; i < 8; i++) {
                            to[i] = 0;
                        }
                    } else if (ALIGNED && k + 8 <= DEPTH) {
                        *(uint4 *) to = *(const uint4 *) from;
                    } else {
                        for (int i = 0; i < 8; i++) {
                            to[i] = k + i < DEPTH ? from[i] : 0;
                        }
                    }
                }
            }
            // scores += A · Bᵀ, B being a tile of TILE rows.
            static __device__ void multiply(float (*scores)[4], const unsigned (*a)[4], const unsigned short *tile) {
                #pragma unroll
                for (int k = 0; k < PADDED / 16; k++) {
                    #pragma unroll
                    for (int n = 0; n < TILE / 16; n++) {
                        unsigned b[4];
                        load_b(b, tile, n * 16, k * 16);
                        mma_m16n8k16(scores[2 * n], a[k], b);
                        mma_m16n8k16(scores[2 * n + 1], a[k], b + 2);
                    }
                }
            }
            // sums += weights · B, B being a tile of TILE rows.
            static __device__ void accumulate(float (*sums)[4], const float (*weights)[4], const unsigned short *tile) {
                #pragma unroll
                for (int k = 0; k < TILE / 16; k++) {
                    const float *left = weights[2 * k], *right = weights[2 * k + 1];
                    unsigned a[4] = {pack_bf16(left[0], left[1]), pack_bf16(left[2], left[3]),
                                     pack_bf16(right[0], right[1]), pack_bf16(right[2], right[3])};
                    #pragma unroll
                    for (int n = 0; n < PADDED / 16; n++) {
                        unsigned b[4];
                        load_b_trans(b, tile, k * 16, n * 16);
                        mma_m16n8k16(sums[2 * n], a, b);
                        mma_m16n8k16(sums[2 * n + 1], a, b + 2);
                    }
                }
            }
            static __device__ void load_rows(unsigned (*a)[4], const unsigned short *tile) {
                #pragma unroll
                for (int k = 0; k < PADDED / 16; k++) {
                    load_a(a[k], tile, threadIdx.x / 32 * 16, k * 16);
                }
            }
            static __device__ void store_rows(unsigned short *head, long step, int row, int count,
                                              const float (*sums)[4], float factor, float factor8) {
                int t = threadIdx.x % 4;
                #pragma unroll
                for (int n = 0; n < PADDED / 8; n++) {
                    #pragma unroll
                    for (int half = 0; half < 2; half++) {
                        int at = row + half * 8, k = n * 8 + t * 2;
                        unsigned pair = pack_bf16(sums[n][2 * half] * (half ? factor8 : factor),
                                                  sums[n][2 * half + 1] * (half ? factor8 : factor));
                        if (at < count && k < DEPTH) {
                            head[at * step + k] = (unsigned short) pair;
                        }
                        if (at < count && k + 1 < DEPTH) {
                            head[at * step + k + 1] = (unsigned short) (pair >> 16);
                        }
                    }
                }
            }
            """;

    /** What all kernels begin with: {@code row} is the first of two rows of a thread, 8 apart. */
    private static final String PLACE = """
                __shared__ __align__(16) unsigned short tiles[2 * TILE * STRIDE];
                unsigned short *half = (unsigned short *) arena;
                const int head = (int) blockIdx.x / blocks % heads;
                const int batch = (int) blockIdx.x / blocks / heads;
                const int first = (int) blockIdx.x % blocks * ROWS;
                const int lane = threadIdx.x % 32, t = lane % 4;
                const int row = first + (int) threadIdx.x / 32 * 16 + lane / 4;
                const unsigned short *qs = half + q + batch * (long) qBatch + head * (long) qHead;
                const unsigned short *ks = half + k + batch * (long) kBatch + head * (long) kHead;
                const unsigned short *vs = half + v + batch * (long) vBatch + head * (long) vHead;
                unsigned short *tile0 = tiles, *tile1 = tiles + TILE * STRIDE;
                // Exponentials of base 2 are the hardware's own.
                const float scale2 = scale * 1.44269504f;
            """;

    private static final String FORWARD = """
                unsigned short *os = half + o + batch * (long) oBatch + head * (long) oHead;
                unsigned a[PADDED / 16][4];
                load_tile(tiles, qs, qRow, first, ROWS, queries);
                __syncthreads();
                load_rows(a, tiles);
                float sums[PADDED / 8][4] = {};
                float most[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};
                const int end = CAUSAL && first + ROWS < keys ? first + ROWS : keys;
                for (int tile = 0; tile < end; tile += TILE) {
                    __syncthreads();
                    load_tile(tile0, ks, kRow, tile, TILE, keys);
                    load_tile(tile1, vs, vRow, tile, TILE, keys);
                    __syncthreads();
                    float scores[TILE / 8][4] = {};
                    multiply(scores, a, tile0);
                    float here[2] = {most[0], most[1]};
                    #pragma unroll
                    for (int n = 0; n < TILE / 8; n++) {
                        #pragma unroll
                        for (int i = 0; i < 4; i++) {
                            int key = tile + n * 8 + t * 2 + i % 2;
                            bool counts = key < keys && !(CAUSAL && key > row + i / 2 * 8);
                            scores[n][i] = counts ? scores[n][i] * scale2 : -INFINITY;
                            here[i / 2] = fmaxf(here[i / 2], scores[n][i]);
                        }
                    }
                    #pragma unroll
                    for (int r = 0; r < 2; r++) {
                        here[r] = fmaxf(here[r], __shfl_xor_sync(0xffffffffu, here[r], 1));
                        here[r] = fmaxf(here[r], __shfl_xor_sync(0xffffffffu, here[r], 2));
                        float old = exp2f(most[r] - here[r]);
                        most[r] = here[r];
                        total[r] *= old;
                        #pragma unroll
                        for (int n = 0; n < PADDED / 8; n++) {
                            sums[n][2 * r] *= old;
                            sums[n][2 * r + 1] *= old;
                        }
                    }
                    #pragma unroll
                    for (int n = 0; n < TILE / 8; n++) {
                        #pragma unroll
                        for (int i = 0; i < 4; i++) {
                            scores[n][i] = exp2f(scores[n][i] - most[i / 2]);
                            total[i / 2] += scores[n][i];
                        }
                    }
                    accumulate(sums, scores, tile1);
                }
                #pragma unroll
                for (int r = 0; r < 2; r++) {
                    total[r] += __shfl_xor_sync(0xffffffffu, total[r], 1);
                    total[r] += __shfl_xor_sync(0xffffffffu, total[r], 2);
                    if (t == 0 && row + r * 8 < queries) {
                        f[lse + (batch * heads + head) * (long) queries + row + r * 8] =
                                most[r] * 0.693147181f + logf(total[r]);
                    }
                }
                store_rows(os, oRow, row, queries, sums, 1 / total[0], 1 / total[1]);
            """;

    private static final String QUERIES = """
                const unsigned short *ds = half + dout + batch * (long) doutBatch + head * (long) doutHead;
                unsigned short *to = half + dq + batch * (long) dqBatch + head * (long) dqHead;
                const long of = (batch * heads + head) * (long) queries;
                unsigned a[PADDED / 16][4], by[PADDED / 16][4];
                load_tile(tiles, qs, qRow, first, ROWS, queries);
                __syncthreads();
                load_rows(a, tiles);
                __syncthreads();
                load_tile(tiles, ds, doutRow, first, ROWS, queries);
                __syncthreads();
                load_rows(by, tiles);
                float shift[2], level[2];
                #pragma unroll
                for (int r = 0; r < 2; r++) {
                    int at = row + r * 8 < queries ? row + r * 8 : queries - 1;
                    shift[r] = f[lse + of + at] * 1.44269504f;
                    level[r] = f[delta + of + at];
                }
                float sums[PADDED / 8][4] = {};
                const int end = CAUSAL && first + ROWS < keys ? first + ROWS : keys;
                for (int tile = 0; tile < end; tile += TILE) {
                    __syncthreads();
                    load_tile(tile0, ks, kRow, tile, TILE, keys);
                    load_tile(tile1, vs, vRow, tile, TILE, keys);
                    __syncthreads();
                    float scores[TILE / 8][4] = {}, changes[TILE / 8][4] = {};
                    multiply(scores, a, tile0);
                    multiply(changes, by, tile1);
                    #pragma unroll
                    for (int n = 0; n < TILE / 8; n++) {
                        #pragma unroll
                        for (int i = 0; i < 4; i++) {
                            int key = tile + n * 8 + t * 2 + i % 2;
                            bool counts = key < keys && !(CAUSAL && key > row + i / 2 * 8);
                            float p = counts ? exp2f(scores[n][i] * scale2 - shift[i / 2]) : 0;
                            scores[n][i] = p * (changes[n][i] - level[i / 2]);
                        }
                    }
                    accumulate(sums, scores, tile0);
                }
                store_rows(to, dqRow, row, queries, sums, scale, scale);
            """;

    private static final String KEYS = """
                __shared__ float shifts[TILE], levels[TILE];
                const unsigned short *ds = half + dout + batch * (long) doutBatch + head * (long) doutHead;
                unsigned short *toKeys = half + dk + batch * (long) dkBatch + head * (long) dkHead;
                unsigned short *toValues = half + dv + batch * (long) dvBatch + head * (long) dvHead;
                const long of = (batch * heads + head) * (long) queries;
                unsigned a[PADDED / 16][4], by[PADDED / 16][4];
                load_tile(tiles, ks, kRow, first, ROWS, keys);
                __syncthreads();
                load_rows(a, tiles);
                __syncthreads();
                load_tile(tiles, vs, vRow, first, ROWS, keys);
                __syncthreads();
                load_rows(by, tiles);
                float ofKeys[PADDED / 8][4] = {}, ofValues[PADDED / 8][4] = {};
                for (int tile = CAUSAL ? first / TILE * TILE : 0; tile < queries; tile += TILE) {
                    __syncthreads();
                    load_tile(tile0, qs, qRow, tile, TILE, queries);
                    load_tile(tile1, ds, doutRow, tile, TILE, queries);
                    for (int e = threadIdx.x; e < TILE; e += THREADS) {
                        int at = tile + e < queries ? tile + e : queries - 1;
                        shifts[e] = f[lse + of + at] * 1.44269504f;
                        levels[e] = f[delta + of + at];
                    }
                    __syncthreads();
                    float scores[TILE / 8][4] = {};
                    multiply(scores, a, tile0);
                    #pragma unroll
                    for (int n = 0; n < TILE / 8; n++) {
                        #pragma unroll
                        for (int i = 0; i < 4; i++) {
                            int at = n * 8 + t * 2 + i % 2;
                            bool counts = tile + at < queries && !(CAUSAL && row + i / 2 * 8 > tile + at);
                            scores[n][i] = counts ? exp2f(scores[n][i] * scale2 - shifts[at]) : 0;
                        }
                    }
                    accumulate(ofValues, scores, tile1);
                    float changes[TILE / 8][4] = {};
                    multiply(changes, by, tile1);
                    #pragma unroll
                    for (int n = 0; n < TILE / 8; n++) {
                        #pragma unroll
                        for (int i = 0; i < 4; i++) {
                            scores[n][i] *= changes[n][i] - levels[n * 8 + t * 2 + i % 2];
                        }
                    }
                    accumulate(ofKeys, scores, tile0);
                }
                store_rows(toKeys, dkRow, row, keys, ofKeys, scale, scale);
                store_rows(toValues, dvRow, row, keys, ofValues, 1, 1);
            """;

    static void plan(Attention spec, Launch launch, CallSink sink) {
        var in = launch.inputs();
        var out = launch.outputs();
        var blocks = Math.ceilDiv(in.get(0).dim(1), ROWS);
        var read = in.subList(0, 3);
        var kernel = kernel("TensorAttention", "Attention", spec.causal(), read);
        bind(kernel, launch, read, blocks);
        AttentionTemplate.bind(kernel, "o", out.get(0));
        kernel.at("lse", out.get(1));
        launch(kernel, sink, in.get(0), blocks, spec.causal(), read, FORWARD);
    }

    static void planGrad(AttentionGrad spec, Launch launch, CallSink sink) {
        var in = launch.inputs();
        var out = launch.outputs();
        var delta = AttentionDelta.plan(spec, launch, sink);
        var read = in.subList(0, 4);
        var ofQueries = kernel("TensorAttentionGradQ", "Gradient of queries", spec.causal(), read);
        var queryBlocks = Math.ceilDiv(in.get(1).dim(1), ROWS);
        bindGrad(ofQueries, launch, delta, queryBlocks);
        AttentionTemplate.bind(ofQueries, "dq", out.get(0));
        launch(ofQueries, sink, in.get(1), queryBlocks, spec.causal(), read, QUERIES);
        var ofKeys = kernel("TensorAttentionGradKv", "Gradients of keys and values", spec.causal(), read);
        var keyBlocks = Math.ceilDiv(in.get(2).dim(1), ROWS);
        bindGrad(ofKeys, launch, delta, keyBlocks);
        AttentionTemplate.bind(ofKeys, "dk", out.get(1));
        AttentionTemplate.bind(ofKeys, "dv", out.get(2));
        launch(ofKeys, sink, in.get(1), keyBlocks, spec.causal(), read, KEYS);
    }

    private static TornadoKernel kernel(String stem, String what, boolean causal, List<View> read) {
        var description = "%s on tensor cores with heads of %d%s%s"
                .formatted(
                        what,
                        read.getFirst().dim(3),
                        causal ? ", causal" : "",
                        TensorCores.isAligned(read) ? ", aligned" : "");
        return new TornadoKernel(stem, description, ROWS / 16 * 32);
    }

    private static void bind(TornadoKernel kernel, Launch launch, List<View> qkv, int blocks) {
        var q = qkv.get(0);
        kernel.number("heads", q.dim(2))
                .number("queries", q.dim(1))
                .number("keys", qkv.get(1).dim(1))
                .number("blocks", blocks)
                .real("scale", launch.attributes().get(0));
        AttentionTemplate.bind(kernel, "q", q);
        AttentionTemplate.bind(kernel, "k", qkv.get(1));
        AttentionTemplate.bind(kernel, "v", qkv.get(2));
    }

    private static void bindGrad(TornadoKernel kernel, Launch launch, View delta, int blocks) {
        bind(kernel, launch, launch.inputs().subList(1, 4), blocks);
        AttentionTemplate.bind(kernel, "dout", launch.inputs().get(0));
        kernel.at("lse", launch.inputs().get(5)).at("delta", delta);
    }

    private static void launch(
            TornadoKernel kernel, CallSink sink, View q, int blocks, boolean causal, List<View> read, String body) {
        var depth = q.dim(3);
        var padded = Math.ceilDiv(depth, 16) * 16;
        var constants =
                """
                constexpr int DEPTH = %d, PADDED = %d, STRIDE = PADDED + 8, TILE = %d, ROWS = %d, THREADS = %d;
                constexpr bool CAUSAL = %b, ALIGNED = %b;
                """.formatted(depth, padded, tileRows(depth), ROWS, WARPS * 32, causal, TensorCores.isAligned(read));
        kernel.launchCuda(
                sink, (long) q.dim(0) * q.dim(2) * blocks, TensorCores.FUNCTIONS + constants + FUNCTIONS, PLACE + body);
    }
}
