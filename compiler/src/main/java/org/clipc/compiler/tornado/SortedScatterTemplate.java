package org.clipc.compiler.tornado;

import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * Scatter-add of floats for CUDA, in three launches: updates are put in the order of their rows, and of their own within a
 * row, while the result is filled with zeros; then each group sums a chunk of {@value #CHUNK} updates of that order; then
 * rows that more than one chunk has updates of are summed over these chunks. So a row that most updates go to, as padding's,
 * is no group's work alone, and the order of additions depends on the indices only.
 *
 * <p>An update's place in the order is the number of those before it: what it takes to count them is small as long as there
 * are some ten thousand updates, and no more than looking for the updates of every row is for tables that are larger.
 */
final class SortedScatterTemplate {

    private static final int CHUNK = 64;

    /** Work items of a group that orders, of 8 warps, and of one that joins chunks. */
    private static final int WIDE = 256;

    /** Work items of a group that sums a chunk, one for a column each. */
    private static final int COLUMNS = 128;

    /** Updates that a group finds the places of; and columns of which a group joins chunks. */
    private static final int WARP = 32;

    /** Rows that a group fills with zeros. */
    private static final int FILL = 32;

    private static final String HELP = """
            constexpr int TILE = 1024, WARPS = 8;
            static __device__ float load(const float *f, long at) {
                return IS_BF16 ? bf16_load(f, at) : f[at];
            }
            static __device__ void store(float *f, long at, float value) {
                if (IS_BF16) {
                    bf16_store(f, at, value);
                } else {
                    f[at] = value;
                }
            }
            static __device__ int clamped(int asked, int rows) {
                return asked < 0 ? 0 : asked < rows ? asked : rows - 1;
            }
            """;

    private static final String ORDER = """
                __shared__ __align__(16) int keys[TILE];
                __shared__ int found[WARPS][32];
                const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
                if ((int) blockIdx.x >= orderers) {
                    const int filler = (int) blockIdx.x - orderers;
                    for (int i = warp; i < FILL; i += WARPS) {
                        const int row = filler % fillers * FILL + i;
                        if (row >= rows) {
                            break;
                        }
                        const long at = out + (long) (filler / fillers) * outBatch + (long) row * outRow;
                        if (IS_ALIGNED) {
                            const int size = IS_BF16 ? 8 : 4;
                            uint4 *to = (uint4 *) (arena + at * (IS_BF16 ? 2 : 4));
                            for (int v = lane; v < width / size; v += 32) {
                                to[v] = uint4{0, 0, 0, 0};
                            }
                        } else {
                            for (int v = lane; v < width; v += 32) {
                                store(f, at + v, 0.0f);
                            }
                        }
                    }
                    return;
                }
                const int b = (int) blockIdx.x / tiles, first = (int) blockIdx.x % tiles * 32, at = first + lane;
                const int *of = n + index + (long) b * indexBatch;
                const int own = at < count ? clamped(of[(long) at * indexRow], rows) : rows;
                int before = 0;
                for (int tile = 0; tile < count; tile += TILE) {
                    __syncthreads();
                    for (int i = threadIdx.x; i < TILE; i += WARPS * 32) {
                        keys[i] = tile + i < count ? clamped(of[(long) (tile + i) * indexRow], rows) : rows;
                    }
                    __syncthreads();
                    const int start = warp * (TILE / WARPS), end = start + TILE / WARPS;
                    if (tile + end <= first || tile + start >= first + 32) {
                        // Of those before this one, equal ones count too.
                        const int bound = own + (tile + end <= first ? 1 : 0);
                        #pragma unroll 8
                        for (int i = start / 4; i < end / 4; i++) {
                            const uint4 four = ((const uint4 *) keys)[i];
                            before += ((int) four.x < bound ? 1 : 0) + ((int) four.y < bound ? 1 : 0)
                                    + ((int) four.z < bound ? 1 : 0) + ((int) four.w < bound ? 1 : 0);
                        }
                    } else {
                        for (int i = start; i < end; i++) {
                            before += keys[i] < own + (tile + i < at ? 1 : 0) ? 1 : 0;
                        }
                    }
                }
                found[warp][lane] = before;
                __syncthreads();
                if (warp == 0 && at < count) {
                    int place = 0;
                    for (int w = 0; w < WARPS; w++) {
                        place += found[w][lane];
                    }
                    int *sorted = (int *) f + order + (long) b * 2 * count;
                    sorted[place] = own;
                    sorted[count + place] = at;
                }
            """;

    private static final String ADD = """
                // With the neighbours of the chunk's first and last.
                __shared__ int row[CHUNK + 2];
                __shared__ int from[CHUNK];
                const int b = (int) blockIdx.x / across / chunks, chunk = (int) blockIdx.x / across % chunks;
                const int i = (int) blockIdx.x % across * (int) blockDim.x + (int) threadIdx.x;
                const int first = chunk * CHUNK, size = count - first < CHUNK ? count - first : CHUNK;
                const int *sorted = (const int *) f + order + (long) b * 2 * count;
                for (int t = threadIdx.x; t < CHUNK + 2; t += (int) blockDim.x) {
                    const int place = first - 1 + t;
                    row[t] = place >= 0 && place < count ? sorted[place] : -1;
                }
                for (int t = threadIdx.x; t < CHUNK; t += (int) blockDim.x) {
                    from[t] = t < size ? sorted[count + first + t] : 0;
                }
                __syncthreads();
                if (i >= width) {
                    return;
                }
                const long update = updates + (long) b * updatesBatch + i;
                const long part = partials + ((long) b * chunks + chunk) * 2 * width + i;
                bool begun = row[0] != row[1];
                float sum = 0.0f;
                for (int j0 = 0; j0 < size; j0 += 8) {
                    float next[8];
                    #pragma unroll
                    for (int j = 0; j < 8; j++) {
                        next[j] = j0 + j < size ? load(f, update + (long) from[j0 + j] * updatesRow) : 0.0f;
                    }
                    #pragma unroll
                    for (int j = 0; j < 8; j++) {
                        const int to = row[j0 + j + 1];
                        const bool ends = row[j0 + j + 2] != to;
                        if (j0 + j < size) {
                            sum += next[j];
                            if (begun && ends) {
                                store(f, out + (long) b * outBatch + (long) to * outRow + i, sum);
                            } else if (ends || j0 + j + 1 == size) {
                                f[part + (begun ? width : 0)] = sum;
                            }
                            if (ends) {
                                begun = true;
                                sum = 0.0f;
                            }
                        }
                    }
                }
            """;

    private static final String JOIN = """
                __shared__ float sums[WARPS][32];
                const int b = (int) blockIdx.x / across / chunks, chunk = (int) blockIdx.x / across % chunks;
                const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, i = (int) blockIdx.x % across * 32 + lane;
                const int *sorted = (const int *) f + order + (long) b * 2 * count;
                const int first = chunk * CHUNK, next = first + CHUNK;
                if (next >= count) {
                    return;
                }
                const int row = sorted[next];
                if (sorted[next - 1] != row || (first > 0 && sorted[first - 1] == row)) {
                    return;
                }
                // The last chunk that begins with an update of the row.
                int last = chunk + 1, beyond = chunks;
                while (last + 1 < beyond) {
                    const int middle = (last + beyond) / 2;
                    if (sorted[middle * CHUNK] == row) {
                        last = middle;
                    } else {
                        beyond = middle;
                    }
                }
                const int pieces = last - chunk + 1, each = (pieces + WARPS - 1) / WARPS;
                const int start = warp * each, end = start + each < pieces ? start + each : pieces;
                const long part = partials + ((long) b * chunks + chunk) * 2 * width + i;
                float sum = 0.0f;
                if (i < width) {
                    #pragma unroll 8
                    for (int piece = start; piece < end; piece++) {
                        sum += f[part + (long) piece * 2 * width + (piece == 0 ? width : 0)];
                    }
                }
                sums[warp][lane] = sum;
                __syncthreads();
                if (warp == 0 && i < width) {
                    float total = sums[0][lane];
                    for (int w = 1; w < WARPS; w++) {
                        total += sums[w][lane];
                    }
                    store(f, out + (long) b * outBatch + (long) row * outRow + i, total);
                }
            """;

    private final View updates;
    private final View index;
    private final View out;
    private final String constants;

    /** Of every batch: the rows in order, ints in place of floats, and the updates they are of. */
    private final View order;

    /** Of every batch: the sums of chunks' first and last rows. */
    private final View partials;

    private final int chunks;

    private SortedScatterTemplate(Launch launch, CallSink sink) {
        updates = launch.inputs().get(0);
        index = launch.inputs().get(1);
        out = launch.outputs().getFirst();
        var vector = 16 / out.dtype().bytes();
        var isAligned = out.offset() % vector == 0
                && out.stride(0) % vector == 0
                && out.stride(1) % vector == 0
                && out.dim(2) % vector == 0;
        constants = "constexpr int CHUNK = %d, FILL = %d; constexpr bool IS_BF16 = %b, IS_ALIGNED = %b;"
                .formatted(CHUNK, FILL, out.dtype() == DType.BF16, isAligned);
        chunks = Math.ceilDiv(index.dim(1), CHUNK);
        order = sink.temporary(DType.F32, List.of(out.dim(0), 2, index.dim(1)));
        partials = sink.temporary(DType.F32, List.of(out.dim(0), chunks, 2, out.dim(2)));
    }

    static void plan(Launch launch, CallSink sink) {
        var template = new SortedScatterTemplate(launch, sink);
        template.order(sink);
        template.add(sink);
        template.join(sink);
    }

    private void order(CallSink sink) {
        var tiles = Math.ceilDiv(index.dim(1), WARP);
        var fillers = Math.ceilDiv(out.dim(1), FILL);
        var orderers = (long) out.dim(0) * tiles;
        var kernel = kernel("ScatterOrder", "Order of rows", WIDE)
                .number("orderers", orderers)
                .number("tiles", tiles)
                .number("fillers", fillers)
                .number("rows", out.dim(1))
                .at("index", index)
                .number("indexBatch", index.stride(0))
                .number("indexRow", index.stride(1));
        launch(kernel, sink, orderers + (long) out.dim(0) * fillers, ORDER);
    }

    private void add(CallSink sink) {
        var across = Math.ceilDiv(out.dim(2), COLUMNS);
        var kernel = kernel("ScatterAdd", "Sums of rows in order", COLUMNS)
                .number("across", across)
                .number("chunks", chunks)
                .at("updates", updates)
                .number("updatesBatch", updates.stride(0))
                .number("updatesRow", updates.stride(1))
                .at("partials", partials);
        launch(kernel, sink, (long) out.dim(0) * chunks * across, ADD);
    }

    private void join(CallSink sink) {
        var across = Math.ceilDiv(out.dim(2), WARP);
        var kernel = kernel("ScatterJoin", "Sums of rows over chunks", WIDE)
                .number("across", across)
                .number("chunks", chunks)
                .at("partials", partials);
        launch(kernel, sink, (long) out.dim(0) * chunks * across, JOIN);
    }

    private TornadoKernel kernel(String stem, String description, int groupSize) {
        return new TornadoKernel(stem, description + ": " + constants, groupSize)
                .number("count", index.dim(1))
                .number("width", out.dim(2))
                .at("order", order)
                .at("out", out)
                .number("outBatch", out.stride(0))
                .number("outRow", out.stride(1));
    }

    private void launch(TornadoKernel kernel, CallSink sink, long groups, String body) {
        kernel.launchCuda(sink, groups, CDialect.CUDA.bfloat16() + constants + "\n" + HELP, body);
    }
}
