package org.clipc.compiler.tornado;

import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * The products of {@link ProductTemplate} of bf16, on the tensor cores of NVIDIA's GPUs: a block computes a tile of {@value
 * #SIDE} by {@value #SIDE}, a warp 64 by 32 of it. Slices of A and B are on their way from memory while those before are
 * multiplied. It reads nothing but the arguments that a library would, for which it stands in.
 */
final class TensorProductTemplate {

    private static final int SIDE = 128;
    private static final int DEPTH = 32;
    private static final int THREADS = 256;

    private static final String FUNCTIONS = """
            constexpr int A_INNER = A_BY_ROWS ? DEPTH : SIDE, B_INNER = B_BY_ROWS ? SIDE : DEPTH;
            constexpr int A_STRIDE = A_INNER + 8, B_STRIDE = B_INNER + 8;
            constexpr int VECTORS = SIDE * DEPTH / 8 / THREADS;

            // Eight neighbours, zeros where the matrix ends.
            static __device__ uint4 fetch(const unsigned short *from, long step, int outer, int inner, int outers,
                                          int inners, bool aligned) {
                uint4 vector = {0, 0, 0, 0};
                const unsigned short *at = from + outer * step + inner;
                if (outer < outers && aligned && inner + 8 <= inners) {
                    vector = *(const uint4 *) at;
                } else if (outer < outers) {
                    unsigned short *elements = (unsigned short *) &vector;
                    for (int i = 0; i < 8; i++) {
                        elements[i] = inner + i < inners ? at[i] : 0;
                    }
                }
                return vector;
            }
            static __device__ void fragment_a(unsigned *a, const unsigned short *tile, int row, int k) {
                int lane = threadIdx.x % 32;
                if (A_BY_ROWS) {
                    ldmatrix_x4(a, tile + (row + lane % 16) * A_STRIDE + k + lane / 16 * 8);
                } else {
                    ldmatrix_x4_trans(a, tile + (k + lane % 8 + lane / 16 * 8) * A_STRIDE + row + lane / 8 % 2 * 8);
                }
            }
            static __device__ void fragment_b(unsigned *b, const unsigned short *tile, int column, int k) {
                int lane = threadIdx.x % 32;
                if (B_BY_ROWS) {
                    ldmatrix_x4_trans(b, tile + (k + lane % 16) * B_STRIDE + column + lane / 16 * 8);
                } else {
                    ldmatrix_x4(b, tile + (column + lane % 8 + lane / 16 * 8) * B_STRIDE + k + lane / 8 % 2 * 8);
                }
            }
            """;

    private static final String BODY = """
                __shared__ __align__(16) unsigned short aTile[(A_BY_ROWS ? SIDE : DEPTH) * A_STRIDE];
                __shared__ __align__(16) unsigned short bTile[(B_BY_ROWS ? DEPTH : SIDE) * B_STRIDE];
                const int columnTiles = (extent3 + SIDE - 1) / SIDE, rowTiles = (extent2 + SIDE - 1) / SIDE;
                const int column0 = (int) blockIdx.x % columnTiles * SIDE;
                const int row0 = (int) blockIdx.x / columnTiles % rowTiles * SIDE;
                const int both = (int) blockIdx.x / columnTiles / rowTiles;
                const long at1 = both % extent1, at0 = both / extent1;
                const unsigned short *as = (const unsigned short *) arena + placeA + at0 * ofA0 + at1 * ofA1;
                const unsigned short *bs = (const unsigned short *) arena + placeB + at0 * ofB0 + at1 * ofB1;
                const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
                const int warpRow = warp / 4 * 64, warpColumn = warp % 4 * 32;
                float sums[4][4][4] = {};
                uint4 aNext[VECTORS], bNext[VECTORS];
                for (int k0 = -DEPTH; k0 < along; k0 += DEPTH) {
                    if (k0 >= 0) {
                        __syncthreads();
                        #pragma unroll
                        for (int v = 0; v < VECTORS; v++) {
                            int e = (int) threadIdx.x + v * THREADS;
                            *(uint4 *) (aTile + e / (A_INNER / 8) * A_STRIDE + e % (A_INNER / 8) * 8) = aNext[v];
                            *(uint4 *) (bTile + e / (B_INNER / 8) * B_STRIDE + e % (B_INNER / 8) * 8) = bNext[v];
                        }
                        __syncthreads();
                    }
                    const int next = k0 + DEPTH;
                    if (next < along) {
                        #pragma unroll
                        for (int v = 0; v < VECTORS; v++) {
                            int e = (int) threadIdx.x + v * THREADS;
                            int aOuter = e / (A_INNER / 8), aInner = e % (A_INNER / 8) * 8;
                            int bOuter = e / (B_INNER / 8), bInner = e % (B_INNER / 8) * 8;
                            aNext[v] = A_BY_ROWS
                                    ? fetch(as, ofA2, row0 + aOuter, next + aInner, extent2, along, A_ALIGNED)
                                    : fetch(as, ofA3, next + aOuter, row0 + aInner, along, extent2, A_ALIGNED);
                            bNext[v] = B_BY_ROWS
                                    ? fetch(bs, ofB2, next + bOuter, column0 + bInner, along, extent3, B_ALIGNED)
                                    : fetch(bs, ofB3, column0 + bOuter, next + bInner, extent3, along, B_ALIGNED);
                        }
                    }
                    if (k0 < 0) {
                        continue;
                    }
                    #pragma unroll
                    for (int k = 0; k < DEPTH; k += 16) {
                        unsigned a[4][4], b[2][4];
                        #pragma unroll
                        for (int i = 0; i < 4; i++) {
                            fragment_a(a[i], aTile, warpRow + i * 16, k);
                        }
                        #pragma unroll
                        for (int j = 0; j < 2; j++) {
                            fragment_b(b[j], bTile, warpColumn + j * 16, k);
                        }
                        #pragma unroll
                        for (int i = 0; i < 4; i++) {
                            #pragma unroll
                            for (int j = 0; j < 4; j++) {
                                mma_m16n8k16(sums[i][j], a[i], b[j / 2] + j % 2 * 2);
                            }
                        }
                    }
                }
                const long cFirst = placeC + at0 * ofC0 + at1 * ofC1;
                const long addendFirst = placeAddend + at0 * ofAddend0 + at1 * ofAddend1;
                #pragma unroll
                for (int i = 0; i < 4; i++) {
                    #pragma unroll
                    for (int j = 0; j < 4; j++) {
                        #pragma unroll
                        for (int e = 0; e < 4; e++) {
                            int row = row0 + warpRow + i * 16 + lane / 4 + e / 2 * 8;
                            int column = column0 + warpColumn + j * 8 + lane % 4 * 2 + e % 2;
                            if (row < extent2 && column < extent3) {
                                float sum = sums[i][j][e];
                                if (HAS_ADDEND) {
                                    long at = addendFirst + row * (long) ofAddend2 + column;
                                    sum += RESULT_IS_BF16 ? bf16_load(f, at) : f[at];
                                }
                                if (HAS_BIAS) {
                                    long at = placeBias + column;
                                    sum += RESULT_IS_BF16 ? bf16_load(f, at) : f[at];
                                }
                                long at = cFirst + row * (long) ofC2 + column;
                                if (RESULT_IS_BF16) {
                                    bf16_store(f, at, sum);
                                } else {
                                    f[at] = sum;
                                }
                            }
                        }
                    }
                }
            """;

    private TensorProductTemplate() {}

    static TornadoKernel kernel(String stem, Gemm spec, Launch launch, boolean hasBias, boolean hasAddend) {
        var description = constants(spec, launch, hasBias, hasAddend).replace('\n', ' ');
        return new TornadoKernel(stem, stem + " of bf16 on tensor cores: " + description, THREADS);
    }

    private static String constants(Gemm spec, Launch launch, boolean hasBias, boolean hasAddend) {
        return """
                constexpr int SIDE = %d, DEPTH = %d, THREADS = %d;
                constexpr bool A_BY_ROWS = %b, A_ALIGNED = %b, B_BY_ROWS = %b, B_ALIGNED = %b;
                constexpr bool RESULT_IS_BF16 = %b, HAS_BIAS = %b, HAS_ADDEND = %b;
                """.formatted(
                        SIDE,
                        DEPTH,
                        THREADS,
                        spec.lhsRowMajor(),
                        isAligned(launch.inputs().get(0), spec.lhsRowMajor()),
                        spec.rhsRowMajor(),
                        isAligned(launch.inputs().get(1), spec.rhsRowMajor()),
                        launch.outputs().getFirst().dtype() == DType.BF16,
                        hasBias,
                        hasAddend);
    }

    private static boolean isAligned(View view, boolean byRows) {
        return view.offset() % TensorCores.VECTOR == 0
                && view.stride(0) % TensorCores.VECTOR == 0
                && view.stride(1) % TensorCores.VECTOR == 0
                && view.stride(byRows ? 2 : 3) % TensorCores.VECTOR == 0;
    }

    /** @param kernel with the arguments bound that {@link ProductCall#HEADER} counts */
    static void launch(
            Gemm spec, Launch launch, TornadoKernel kernel, boolean hasBias, boolean hasAddend, CallSink sink) {
        var c = launch.outputs().getFirst();
        var tiles = (long) Math.ceilDiv(c.dim(2), SIDE) * Math.ceilDiv(c.dim(3), SIDE);
        kernel.launchCuda(
                sink,
                (long) c.dim(0) * c.dim(1) * tiles,
                CDialect.CUDA.bfloat16()
                        + TensorCores.FUNCTIONS
                        + constants(spec, launch, hasBias, hasAddend)
                        + FUNCTIONS,
                BODY);
    }
}
