package org.clipc.compiler.tornado;

import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * Layer normalisation for CUDA: a warp has whole rows in its registers, of which each is read once, 16 bytes at a time. Rows
 * must lie and end at multiples of 16 bytes, and not be too long for that; see {@link #takesForward}.
 *
 * <p>Backward, a group has sums for the gain and the bias over all its rows, and a second kernel adds up those of the groups.
 */
final class WarpNormTemplate {

    private static final int WARP = 32;

    /** Warps of a group. */
    private static final int WARPS = 4;

    /** Columns that a work item has at most. */
    private static final int MOST_COLUMNS = 64;

    /** Registers that a work item has at most for columns of x and dy and their sums: beyond, it would run out of them. */
    private static final int MOST_REGISTERS = 144;

    /** Rows of a warp, backward, before another group is worth its while. */
    private static final int LEAST_ROWS = 4;

    /** Warps of a group that adds up sums of groups. */
    private static final int TOTAL_WARPS = 16;

    private static final String FUNCTIONS = """
            constexpr int SIZE = IS_BF16 ? 2 : 4, V = 16 / SIZE;
            static __device__ uint4 fetch(const unsigned char *arena, long at) {
                return *(const uint4 *) (arena + at * SIZE);
            }
            static __device__ void unpack(float *to, uint4 from) {
                const unsigned words[4] = {from.x, from.y, from.z, from.w};
                #pragma unroll
                for (int i = 0; i < V; i++) {
                    to[i] = IS_BF16
                            ? __uint_as_float(i % 2 ? words[i / 2] & 0xffff0000u : words[i / 2] << 16)
                            : __uint_as_float(words[i % 4]);
                }
            }
            static __device__ void put(unsigned char *arena, long at, const float *from) {
                unsigned words[4];
                #pragma unroll
                for (int i = 0; i < 4; i++) {
                    words[i] = IS_BF16 ? bf16_pair(from[i * 2 % V], from[(i * 2 + 1) % V]) : __float_as_uint(from[i]);
                }
                *(uint4 *) (arena + at * SIZE) = uint4{words[0], words[1], words[2], words[3]};
            }
            static __device__ void parameters(float *to, const float *f, long at) {
                if (PARAMETERS_ARE_BF16) {
                    #pragma unroll
                    for (int i = 0; i < V; i++) {
                        to[i] = bf16_load(f, at + i);
                    }
                } else {
                    #pragma unroll
                    for (int i = 0; i < V; i += 4) {
                        const uint4 four = *(const uint4 *) (f + at + i);
                        to[i] = __uint_as_float(four.x);
                        to[i + 1] = __uint_as_float(four.y);
                        to[i + 2] = __uint_as_float(four.z);
                        to[i + 3] = __uint_as_float(four.w);
                    }
                }
            }
            static __device__ float warp_sum(float x) {
                #pragma unroll
                for (int mask = 16; mask >= 1; mask /= 2) {
                    x += __shfl_xor_sync(0xffffffffu, x, mask);
                }
                return x;
            }
            """;

    private static final String FORWARD = """
                const int lane = threadIdx.x % 32;
                const int first = ((int) blockIdx.x * WARPS + (int) threadIdx.x / 32) * ROWS;
                if (first >= rows) {
                    return;
                }
                uint4 raw[ROWS][STEPS];
                #pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    #pragma unroll
                    for (int s = 0; s < STEPS; s++) {
                        const int i = (s * 32 + lane) * V;
                        raw[r][s] = (IS_FULL || i < count) && first + r < rows
                                ? fetch(arena, x + (long) (first + r) * xRow + i)
                                : uint4{0, 0, 0, 0};
                    }
                }
                float centre[ROWS], scale[ROWS];
                #pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    float sum = 0.0f;
                    #pragma unroll
                    for (int s = 0; s < STEPS; s++) {
                        float values[V];
                        unpack(values, raw[r][s]);
                        #pragma unroll
                        for (int v = 0; v < V; v++) {
                            sum += values[v];
                        }
                    }
                    centre[r] = warp_sum(sum) / count;
                }
                #pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    float squares = 0.0f;
                    #pragma unroll
                    for (int s = 0; s < STEPS; s++) {
                        float values[V];
                        unpack(values, raw[r][s]);
                        #pragma unroll
                        for (int v = 0; v < V; v++) {
                            const float off = IS_FULL || (s * 32 + lane) * V < count ? values[v] - centre[r] : 0.0f;
                            squares += off * off;
                        }
                    }
                    scale[r] = 1.0f / sqrtf(warp_sum(squares) / count + epsilon);
                    if (lane == 0 && first + r < rows) {
                        f[mean + first + r] = centre[r];
                        f[rstd + first + r] = scale[r];
                    }
                }
                #pragma unroll
                for (int s = 0; s < STEPS; s++) {
                    const int i = (s * 32 + lane) * V;
                    if (IS_FULL || i < count) {
                        float gains[V], biases[V];
                        parameters(gains, f, gain + i);
                        parameters(biases, f, bias + i);
                        #pragma unroll
                        for (int r = 0; r < ROWS; r++) {
                            if (first + r < rows) {
                                float values[V];
                                unpack(values, raw[r][s]);
                                #pragma unroll
                                for (int v = 0; v < V; v++) {
                                    values[v] = (values[v] - centre[r]) * scale[r] * gains[v] + biases[v];
                                }
                                put(arena, y + (long) (first + r) * yRow + i, values);
                            }
                        }
                    }
                }
            """;

    private static final String BACKWARD = """
                __shared__ float shared[2][STEPS * 32 * V];
                const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
                float dgain[STEPS][V] = {}, dbias[STEPS][V] = {};
                for (int row = (int) blockIdx.x * WARPS + warp; row < rows; row += groups * WARPS) {
                    uint4 xs[STEPS], dys[STEPS];
                    #pragma unroll
                    for (int s = 0; s < STEPS; s++) {
                        const int i = (s * 32 + lane) * V;
                        const bool inside = IS_FULL || i < count;
                        xs[s] = inside ? fetch(arena, x + (long) row * xRow + i) : uint4{0, 0, 0, 0};
                        dys[s] = inside ? fetch(arena, dy + (long) row * dyRow + i) : uint4{0, 0, 0, 0};
                    }
                    const float centre = f[mean + row], scale = f[rstd + row];
                    float along = 0.0f, all = 0.0f;
                    #pragma unroll
                    for (int s = 0; s < STEPS; s++) {
                        const int i = (s * 32 + lane) * V;
                        if (IS_FULL || i < count) {
                            float gains[V], values[V], slopes[V];
                            parameters(gains, f, gain + i);
                            unpack(values, xs[s]);
                            unpack(slopes, dys[s]);
                            #pragma unroll
                            for (int v = 0; v < V; v++) {
                                const float normal = (values[v] - centre) * scale, change = slopes[v] * gains[v];
                                along += change * normal;
                                all += change;
                                dgain[s][v] += slopes[v] * normal;
                                dbias[s][v] += slopes[v];
                            }
                        }
                    }
                    const float slope = warp_sum(along) / count, level = warp_sum(all) / count;
                    #pragma unroll
                    for (int s = 0; s < STEPS; s++) {
                        const int i = (s * 32 + lane) * V;
                        if (IS_FULL || i < count) {
                            float gains[V], values[V], slopes[V];
                            parameters(gains, f, gain + i);
                            unpack(values, xs[s]);
                            unpack(slopes, dys[s]);
                            #pragma unroll
                            for (int v = 0; v < V; v++) {
                                const float normal = (values[v] - centre) * scale;
                                values[v] = (slopes[v] * gains[v] - level - normal * slope) * scale;
                            }
                            put(arena, dx + (long) row * dxRow + i, values);
                        }
                    }
                }
                for (int turn = 0; turn < WARPS; turn++) {
                    if (warp == turn) {
                        #pragma unroll
                        for (int s = 0; s < STEPS; s++) {
                            #pragma unroll
                            for (int v = 0; v < V; v++) {
                                const int i = (s * V + v) * 32 + lane;
                                shared[0][i] = turn == 0 ? dgain[s][v] : shared[0][i] + dgain[s][v];
                                shared[1][i] = turn == 0 ? dbias[s][v] : shared[1][i] + dbias[s][v];
                            }
                        }
                    }
                    __syncthreads();
                }
                const long at = sums + (long) blockIdx.x * 2 * count;
                for (int i = threadIdx.x; i < count; i += WARPS * 32) {
                    // Where the work item that has the column put it.
                    const int place = (i / (32 * V) * V + i % V) * 32 + i / V % 32;
                    f[at + i] = shared[0][place];
                    f[at + count + i] = shared[1][place];
                }
            """;

    private static final String TOTALS = """
                __shared__ float shared[TOTAL_WARPS][32];
                const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
                const int i = (int) blockIdx.x * 32 + lane;
                float sum = 0.0f;
                if (i < 2 * count) {
                    #pragma unroll 8
                    for (int group = warp; group < groups; group += TOTAL_WARPS) {
                        sum += f[sums + (long) group * 2 * count + i];
                    }
                }
                shared[warp][lane] = sum;
                __syncthreads();
                if (warp == 0 && i < 2 * count) {
                    float total = shared[0][lane];
                    for (int w = 1; w < TOTAL_WARPS; w++) {
                        total += shared[w][lane];
                    }
                    const long at = i < count ? dgain + (long) i * dgainStep : dbias + (long) (i - count) * dbiasStep;
                    if (IS_BF16) {
                        bf16_store(f, at, total);
                    } else {
                        f[at] = total;
                    }
                }
            """;

    private WarpNormTemplate() {}

    /** Whether the operands of a layer normalisation lie as these kernels read and write them. */
    static boolean takesForward(Launch launch) {
        var in = launch.inputs();
        var out = launch.outputs();
        return takes(List.of(in.get(0), out.get(0)), in.subList(1, 3), out.subList(1, 3));
    }

    /** As {@link #takesForward}, of the gradient. */
    static boolean takesBackward(Launch launch) {
        var in = launch.inputs();
        var x = in.get(1);
        var columns = steps(x) * vector(x);
        return 2 * columns + 2 * columns * x.dtype().bytes() / Float.BYTES <= MOST_REGISTERS
                && takes(List.of(in.get(0), x, launch.outputs().getFirst()), in.subList(2, 3), in.subList(3, 5));
    }

    private static boolean takes(List<View> matrices, List<View> parameters, List<View> ofRows) {
        var x = matrices.getFirst();
        var vector = vector(x);
        return x.dim(1) % vector == 0
                && steps(x) * vector <= MOST_COLUMNS
                && matrices.stream().allMatch(view -> view.dtype() == x.dtype() && isAligned(view, vector))
                && parameters.stream()
                        .allMatch(view -> view.dtype() == parameters.getFirst().dtype()
                                && view.offset() % vector == 0
                                && view.stride(0) == 1)
                && ofRows.stream().allMatch(view -> view.dtype() == DType.F32 && view.stride(0) == 1);
    }

    private static boolean isAligned(View view, int vector) {
        return view.offset() % vector == 0 && view.stride(0) % vector == 0 && view.stride(1) == 1;
    }

    /** Elements of 16 bytes. */
    private static int vector(View view) {
        return 16 / view.dtype().bytes();
    }

    /** Vectors of a row that a work item has. */
    private static int steps(View x) {
        return Math.ceilDiv(x.dim(1), WARP * vector(x));
    }

    static void forward(Launch launch, CallSink sink) {
        var x = launch.inputs().get(0);
        var gain = launch.inputs().get(1);
        var rows = rowsOfWarp(x);
        var constants = constants(x, gain.dtype(), rows);
        var kernel = new TornadoKernel("LayerNorm", "Layer normalisation by warps: " + constants, WARPS * WARP)
                .number("rows", x.dim(0))
                .number("count", x.dim(1))
                .real("epsilon", launch.attributes().getFirst())
                .at("gain", gain)
                .at("bias", launch.inputs().get(2))
                .at("mean", launch.outputs().get(1))
                .at("rstd", launch.outputs().get(2));
        putRows(kernel, "x", x);
        putRows(kernel, "y", launch.outputs().getFirst());
        launch(kernel, sink, Math.ceilDiv(x.dim(0), WARPS * rows), constants, FORWARD);
    }

    /** Of rows of few registers a warp has two, for more loads at a time and fewer of the parameters. */
    private static int rowsOfWarp(View x) {
        return steps(x) <= 4 ? 2 : 1;
    }

    /**
     * Groups that go through rows backward at most: as many as a GPU of 132 multiprocessors runs at a time, since sums of some
     * hundred columns leave registers for few groups only.
     */
    private static int mostGroups(View x) {
        var columns = steps(x) * vector(x);
        return 132 * Math.clamp(96 / columns, 1, 4);
    }

    static void backward(Launch launch, CallSink sink) {
        var x = launch.inputs().get(1);
        var gain = launch.inputs().get(2);
        var groups = Math.min(Math.ceilDiv(x.dim(0), WARPS * LEAST_ROWS), mostGroups(x));
        var sums = sink.temporary(DType.F32, List.of(groups, 2 * x.dim(1)));
        var constants = constants(x, gain.dtype(), 1);
        var kernel = new TornadoKernel(
                        "LayerNormGrad", "Gradient of layer normalisation by warps: " + constants, WARPS * WARP)
                .number("rows", x.dim(0))
                .number("count", x.dim(1))
                .number("groups", groups)
                .at("gain", gain)
                .at("mean", launch.inputs().get(3))
                .at("rstd", launch.inputs().get(4))
                .at("sums", sums);
        putRows(kernel, "x", x);
        putRows(kernel, "dy", launch.inputs().getFirst());
        putRows(kernel, "dx", launch.outputs().getFirst());
        launch(kernel, sink, groups, constants, BACKWARD);
        totals(launch, sums, sink);
    }

    private static void totals(Launch launch, View sums, CallSink sink) {
        var dgain = launch.outputs().get(1);
        var dbias = launch.outputs().get(2);
        var constants = "constexpr int TOTAL_WARPS = %d; constexpr bool IS_BF16 = %b;\n"
                .formatted(TOTAL_WARPS, dgain.dtype() == DType.BF16);
        var kernel = new TornadoKernel(
                        "LayerNormGains",
                        "Gradients of gain and bias over groups: " + constants.strip(),
                        TOTAL_WARPS * WARP)
                .number("count", dgain.dim(0))
                .number("groups", sums.dim(0))
                .at("sums", sums)
                .at("dgain", dgain)
                .number("dgainStep", dgain.stride(0))
                .at("dbias", dbias)
                .number("dbiasStep", dbias.stride(0));
        var functions = CDialect.CUDA.bfloat16() + constants;
        kernel.launchCuda(sink, Math.ceilDiv(sums.dim(1), WARP), functions, TOTALS);
    }

    private static void putRows(TornadoKernel kernel, String name, View matrix) {
        kernel.at(name, matrix).number(name + "Row", matrix.stride(0));
    }

    private static String constants(View x, DType parameters, int rows) {
        return "constexpr int ROWS = %d, STEPS = %d, WARPS = %d; ".formatted(rows, steps(x), WARPS)
                + "constexpr bool IS_BF16 = %b, PARAMETERS_ARE_BF16 = %b, IS_FULL = %b;"
                        .formatted(
                                x.dtype() == DType.BF16,
                                parameters == DType.BF16,
                                x.dim(1) == steps(x) * WARP * vector(x));
    }

    private static void launch(TornadoKernel kernel, CallSink sink, long groups, String constants, String body) {
        kernel.launchCuda(sink, groups, CDialect.CUDA.bfloat16() + constants + "\n" + FUNCTIONS, body);
    }
}
