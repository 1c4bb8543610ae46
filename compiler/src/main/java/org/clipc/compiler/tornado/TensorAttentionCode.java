package org.clipc.compiler.tornado;

/**
 * What the kernels of {@link TensorAttentionTemplate} say, in CUDA C: functions, and the bodies that call them, which see the
 * constants and arguments that the template gives.
 */
final class TensorAttentionCode {

    static final String FUNCTIONS = """
            constexpr int VECTORS = PADDED / 8, AT_ONCE = THREADS / VECTORS;
            // Fragments of A, [16 rows, 16 of the depth], and of B for two tiles of 8 columns, by rows and by columns.
            static __device__ __forceinline__ void load_a(unsigned *a, const unsigned short *tile, int k) {
                int lane = threadIdx.x % 32;
                ldmatrix_x4(a, tile + lane % 16 * STRIDE + k + lane / 16 * 8);
            }
            static __device__ __forceinline__ void load_b(unsigned *b, const unsigned short *tile, int column, int k) {
                int lane = threadIdx.x % 32;
                ldmatrix_x4(b, tile + (column + lane % 8 + lane / 16 * 8) * STRIDE + k + lane / 8 % 2 * 8);
            }
            static __device__ __forceinline__ void load_b_trans(unsigned *b, const unsigned short *tile, int k,
                                                                int column) {
                int lane = threadIdx.x % 32;
                ldmatrix_x4_trans(b, tile + (k + lane % 16) * STRIDE + column + lane / 16 * 8);
            }
            // Begins to load rows first to first + COUNT of a head; behind each row and behind the last row zeros.
            template <int COUNT>
            static __device__ __forceinline__ void load_tile(unsigned short *tile, const unsigned short *head, int step,
                                                             int first, int rows) {
                const int above = threadIdx.x / VECTORS, k = threadIdx.x % VECTORS * 8;
                const unsigned short *from = head + first * (long) step + (above * step + k);
                unsigned short *to = tile + above * STRIDE + k;
                #pragma unroll
                for (int i = 0; i < (COUNT + AT_ONCE - 1) / AT_ONCE; i++) {
                    const int row = above + i * AT_ONCE;
                    if ((THREADS % VECTORS == 0 || above < AT_ONCE) && (COUNT % AT_ONCE == 0 || row < COUNT)) {
                        const bool exists = first + row < rows && (DEPTH == PADDED || k < DEPTH);
                        if (ALIGNED) {
                            copy_async(to + i * AT_ONCE * STRIDE, from, exists);
                        } else {
                            for (int e = 0; e < 8; e++) {
                                to[i * AT_ONCE * STRIDE + e] = exists && k + e < DEPTH ? from[e] : 0;
                            }
                        }
                    }
                    from += AT_ONCE * step;
                }
            }
            // The 16 rows of a warp.
            static __device__ __forceinline__ void load_rows(unsigned (*a)[4], const unsigned short *rows) {
                #pragma unroll
                for (int k = 0; k < PADDED / 16; k++) {
                    load_a(a[k], rows, k * 16);
                }
            }
            // Two tiles of 8 columns of A · Bᵀ, from column on, which is a row of the tile.
            static __device__ __forceinline__ void multiply(float (*scores)[4], const unsigned (*a)[4],
                                                            const unsigned short *tile, int column) {
                #pragma unroll
                for (int i = 0; i < 4; i++) {
                    scores[0][i] = scores[1][i] = 0;
                }
                #pragma unroll
                for (int k = 0; k < PADDED / 16; k++) {
                    unsigned b[4];
                    load_b(b, tile, column, k * 16);
                    mma_m16n8k16(scores[0], a[k], b);
                    mma_m16n8k16(scores[1], a[k], b + 2);
                }
            }
            // sums += weights · B, of 16 rows of the tile, from row on.
            static __device__ __forceinline__ void accumulate(float (*sums)[4], const float (*weights)[4],
                                                              const unsigned short *tile, int row) {
                unsigned a[4] = {bf16_pair(weights[0][0], weights[0][1]), bf16_pair(weights[0][2], weights[0][3]),
                                 bf16_pair(weights[1][0], weights[1][1]), bf16_pair(weights[1][2], weights[1][3])};
                #pragma unroll
                for (int n = 0; n < PADDED / 16; n++) {
                    unsigned b[4];
                    load_b_trans(b, tile, row, n * 16);
                    mma_m16n8k16(sums[2 * n], a, b);
                    mma_m16n8k16(sums[2 * n + 1], a, b + 2);
                }
            }
            // Stores the 16 rows of a warp, from row on, by way of a place in shared memory that nobody else has.
            static __device__ __forceinline__ void store_rows(unsigned short *place, unsigned short *head, int step,
                                                              int row, int rows, const float (*sums)[4], float factor,
                                                              float factor8) {
                const int lane = threadIdx.x % 32;
                #pragma unroll
                for (int n = 0; n < PADDED / 8; n++) {
                    unsigned *to = (unsigned *) (place + lane / 4 * STRIDE + n * 8) + lane % 4;
                    to[0] = bf16_pair(sums[n][0] * factor, sums[n][1] * factor);
                    to[8 * STRIDE / 2] = bf16_pair(sums[n][2] * factor8, sums[n][3] * factor8);
                }
                __syncwarp();
                #pragma unroll
                for (int e = lane; e < 16 * VECTORS; e += 32) {
                    const int at = e / VECTORS, k = e % VECTORS * 8;
                    const unsigned short *from = place + at * STRIDE + k;
                    unsigned short *to = head + (row + at) * (long) step + k;
                    if (row + at < rows && STORES_ALIGNED && k < DEPTH) {
                        *(uint4 *) to = *(const uint4 *) from;
                    } else if (row + at < rows && !STORES_ALIGNED) {
                        for (int i = 0; i < 8 && k + i < DEPTH; i++) {
                            to[i] = from[i];
                        }
                    }
                }
                __syncwarp();
            }
            """;

    /**
     * What all kernels begin with: {@code warpRow} is the first of the 16 rows of a warp, {@code row} the first of two rows
     * of a thread, 8 apart. Shared memory has two pairs of tiles, and before the second pair comes, a block's own rows.
     */
    static final String PLACE = """
                __shared__ __align__(16) unsigned short area[AREA * STRIDE];
                unsigned short *half = (unsigned short *) arena;
                const int head = (int) blockIdx.x / blocks % heads;
                const int batch = (int) blockIdx.x / blocks / heads;
                const int first = (int) blockIdx.x % blocks * ROWS;
                const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, t = lane % 4;
                const int warpRow = first + warp * 16, row = warpRow + lane / 4;
                const unsigned short *qs = half + q + batch * (long) qBatch + head * (long) qHead;
                const unsigned short *ks = half + k + batch * (long) kBatch + head * (long) kHead;
                const unsigned short *vs = half + v + batch * (long) vBatch + head * (long) vHead;
                unsigned short *own = area + (TOGETHER ? 2 * TILE : 0) * STRIDE;
                unsigned short *place = area + warp * 16 * STRIDE;
                // Exponentials of base 2 are the hardware's own.
                const float scale2 = scale * 1.44269504f;
            """;

    /** Of keys from {@code tile} on, of which {@code counts[r]} count for row r. */
    static final String ATTEND = """
            template <bool MASKED>
            static __device__ __forceinline__ void attend(
                    float (*sums)[4], float *most, float *total, const unsigned (*a)[4], const unsigned short *keyTile,
                    const unsigned short *valueTile, int counts0, int counts8, int left, float scale2) {
                const int t = threadIdx.x % 4;
                float scores[TILE / 8][4];
                float here[2] = {most[0], most[1]};
                #pragma unroll
                for (int n = 0; n < TILE / 16; n++) {
                    if (MASKED && n * 16 >= left) {
                        continue;
                    }
                    multiply(scores + 2 * n, a, keyTile, n * 16);
                    #pragma unroll
                    for (int i = 0; i < 8; i++) {
                        float &score = scores[2 * n + i / 4][i % 4];
                        if (MASKED && n * 16 + i / 4 * 8 + t * 2 + i % 2 >= (i / 2 % 2 ? counts8 : counts0)) {
                            score = -INFINITY;
                        }
                        here[i / 2 % 2] = fmaxf(here[i / 2 % 2], score);
                    }
                }
                float shift[2];
                #pragma unroll
                for (int r = 0; r < 2; r++) {
                    here[r] = fmaxf(here[r], __shfl_xor_sync(0xffffffffu, here[r], 1));
                    here[r] = fmaxf(here[r], __shfl_xor_sync(0xffffffffu, here[r], 2));
                    const float old = fast_exp2((most[r] - here[r]) * scale2);
                    most[r] = here[r];
                    shift[r] = here[r] * scale2;
                    total[r] *= old;
                    #pragma unroll
                    for (int n = 0; n < PADDED / 8; n++) {
                        sums[n][2 * r] *= old;
                        sums[n][2 * r + 1] *= old;
                    }
                }
                #pragma unroll
                for (int n = 0; n < TILE / 16; n++) {
                    if (MASKED && n * 16 >= left) {
                        continue;
                    }
                    #pragma unroll
                    for (int i = 0; i < 8; i++) {
                        float &score = scores[2 * n + i / 4][i % 4];
                        score = fast_exp2(score * scale2 - shift[i / 2 % 2]);
                        total[i / 2 % 2] += score;
                    }
                    accumulate(sums, scores + 2 * n, valueTile, n * 16);
                }
            }
            """;

    /** What keys count for the rows of a warp, none for one without rows: all do before {@code whole}. */
    static final String KEYS_THAT_COUNT = """
                const int end = CAUSAL && first + ROWS < keys ? first + ROWS : keys;
                const int warpEnd = warpRow >= queries ? 0 : CAUSAL && warpRow + 16 < keys ? warpRow + 16 : keys;
                const int whole = CAUSAL && warpRow + 1 < warpEnd ? warpRow + 1 : warpEnd;
                const int end0 = CAUSAL && row + 1 < keys ? row + 1 : keys;
                const int end8 = CAUSAL && row + 9 < keys ? row + 9 : keys;
            """;

    static final String FORWARD = """
                unsigned short *os = half + o + batch * (long) oBatch + head * (long) oHead;
                const auto load = [&](int tile) {
                    unsigned short *to = area + tile / TILE % 2 * (2 * TILE * STRIDE);
                    load_tile<TILE>(to, ks, kRow, tile, keys);
                    load_tile<TILE>(to + TILE * STRIDE, vs, vRow, tile, keys);
                };
                unsigned a[PADDED / 16][4];
                load_tile<ROWS>(own, qs, qRow, first, queries);
                if (TOGETHER) {
                    load(0);
                }
                await_copies();
                __syncthreads();
                load_rows(a, own + warp * 16 * STRIDE);
                if (!TOGETHER) {
                    __syncthreads();
                    load(0);
                }
                float sums[PADDED / 8][4] = {};
                float most[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};
                for (int tile = 0; tile < end; tile += TILE) {
                    await_copies();
                    __syncthreads();
                    if (tile + TILE < end) {
                        load(tile + TILE);
                    }
                    const unsigned short *keyTile = area + tile / TILE % 2 * (2 * TILE * STRIDE);
                    const unsigned short *valueTile = keyTile + TILE * STRIDE;
                    if (tile + TILE <= whole) {
                        attend<false>(sums, most, total, a, keyTile, valueTile, TILE, TILE, TILE, scale2);
                    } else if (tile < warpEnd) {
                        attend<true>(sums, most, total, a, keyTile, valueTile, end0 - tile, end8 - tile,
                                     warpEnd - tile, scale2);
                    }
                }
                __syncthreads();
                #pragma unroll
                for (int r = 0; r < 2; r++) {
                    total[r] += __shfl_xor_sync(0xffffffffu, total[r], 1);
                    total[r] += __shfl_xor_sync(0xffffffffu, total[r], 2);
                    if (t == 0 && row + r * 8 < queries) {
                        f[lse + (batch * heads + head) * (long) queries + row + r * 8] =
                                most[r] * scale + logf(total[r]);
                    }
                }
                store_rows(place, os, oRow, warpRow, queries, sums, 1 / total[0], 1 / total[1]);
            """;

    /** Of keys of a chunk, of which {@code counts0} and {@code counts8} count for the rows of a thread. */
    static final String CHANGE = """
            // Keys that are worked on at once: few registers let more blocks of few warps be at work.
            constexpr int CHUNK = PADDED <= 64 && THREADS <= 160 ? 16 : 32;
            template <bool MASKED>
            static __device__ __forceinline__ void change(
                    float (*sums)[4], const unsigned (*a)[4], const unsigned (*by)[4], const unsigned short *keyTile,
                    const unsigned short *valueTile, const float *shift, const float *level, int counts0, int counts8,
                    int left, float scale2) {
                const int t = threadIdx.x % 4;
                float scores[CHUNK / 8][4], changes[CHUNK / 8][4];
                #pragma unroll
                for (int n = 0; n < CHUNK / 16; n++) {
                    if (MASKED && n * 16 >= left) {
                        continue;
                    }
                    multiply(scores + 2 * n, a, keyTile, n * 16);
                    multiply(changes + 2 * n, by, valueTile, n * 16);
                }
                #pragma unroll
                for (int n = 0; n < CHUNK / 16; n++) {
                    if (MASKED && n * 16 >= left) {
                        continue;
                    }
                    #pragma unroll
                    for (int i = 0; i < 8; i++) {
                        float &score = scores[2 * n + i / 4][i % 4];
                        float p = fast_exp2(score * scale2 - shift[i / 2 % 2]);
                        if (MASKED && n * 16 + i / 4 * 8 + t * 2 + i % 2 >= (i / 2 % 2 ? counts8 : counts0)) {
                            p = 0;
                        }
                        score = p * (changes[2 * n + i / 4][i % 4] - level[i / 2 % 2]);
                    }
                    accumulate(sums, scores + 2 * n, keyTile, n * 16);
                }
            }
            """;

    static final String QUERIES = """
                const unsigned short *ds = half + dout + batch * (long) doutBatch + head * (long) doutHead;
                unsigned short *to = half + dq + batch * (long) dqBatch + head * (long) dqHead;
                const long of = (batch * heads + head) * (long) queries;
                const auto load = [&](int tile) {
                    unsigned short *pair = area + tile / TILE % 2 * (2 * TILE * STRIDE);
                    load_tile<TILE>(pair, ks, kRow, tile, keys);
                    load_tile<TILE>(pair + TILE * STRIDE, vs, vRow, tile, keys);
                };
                unsigned a[PADDED / 16][4], by[PADDED / 16][4];
                load_tile<ROWS>(own, qs, qRow, first, queries);
                load_tile<ROWS>(own + ROWS * STRIDE, ds, doutRow, first, queries);
                if (TOGETHER) {
                    load(0);
                }
                float shift[2], level[2];
                #pragma unroll
                for (int r = 0; r < 2; r++) {
                    int at = row + r * 8 < queries ? row + r * 8 : queries - 1;
                    shift[r] = f[lse + of + at] * 1.44269504f;
                    level[r] = f[delta + of + at];
                }
                await_copies();
                __syncthreads();
                load_rows(a, own + warp * 16 * STRIDE);
                load_rows(by, own + (ROWS + warp * 16) * STRIDE);
                if (!TOGETHER) {
                    __syncthreads();
                    load(0);
                }
                float sums[PADDED / 8][4] = {};
                for (int tile = 0; tile < end; tile += TILE) {
                    await_copies();
                    __syncthreads();
                    if (tile + TILE < end) {
                        load(tile + TILE);
                    }
                    const unsigned short *keyTile = area + tile / TILE % 2 * (2 * TILE * STRIDE);
                    #pragma unroll 1
                    for (int key = tile; key < tile + TILE && key < warpEnd; key += CHUNK, keyTile += CHUNK * STRIDE) {
                        const unsigned short *valueTile = keyTile + TILE * STRIDE;
                        if (key + CHUNK <= whole) {
                            change<false>(sums, a, by, keyTile, valueTile, shift, level, CHUNK, CHUNK, CHUNK, scale2);
                        } else {
                            change<true>(sums, a, by, keyTile, valueTile, shift, level, end0 - key, end8 - key,
                                         warpEnd - key, scale2);
                        }
                    }
                }
                __syncthreads();
                store_rows(place, to, dqRow, warpRow, queries, sums, scale, scale);
            """;

    /**
     * Of queries of a chunk: key row r of a thread counts for those from {@code from0} or {@code from8} on. Queries that
     * do not exist are zeros, and so is all that is added for them.
     */
    static final String CHANGE_KEYS = """
            constexpr int CHUNK = 32;
            template <bool MASKED>
            static __device__ __forceinline__ void change_keys(
                    float (*ofKeys)[4], float (*ofValues)[4], const unsigned (*a)[4], const unsigned (*by)[4],
                    const unsigned short *queryTile, const unsigned short *changeTile, const float *shifts,
                    const float *levels, int from0, int from8, int warpFrom, int left, float scale2) {
                const int t = threadIdx.x % 4;
                #pragma unroll
                for (int n = 0; n < CHUNK / 16; n++) {
                    if (MASKED && (n * 16 >= left || n * 16 + 16 <= warpFrom)) {
                        continue;
                    }
                    float scores[2][4], changes[2][4];
                    multiply(scores, a, queryTile, n * 16);
                    multiply(changes, by, changeTile, n * 16);
                    #pragma unroll
                    for (int i = 0; i < 8; i++) {
                        const int at = n * 16 + i / 4 * 8 + t * 2 + i % 2;
                        float &score = scores[i / 4][i % 4];
                        float p = fast_exp2(score * scale2 - shifts[at] * 1.44269504f);
                        if (MASKED && at < (i / 2 % 2 ? from8 : from0)) {
                            p = 0;
                        }
                        score = p;
                        changes[i / 4][i % 4] = p * (changes[i / 4][i % 4] - levels[at]);
                    }
                    accumulate(ofValues, scores, changeTile, n * 16);
                    accumulate(ofKeys, changes, queryTile, n * 16);
                }
            }
            """;

    static final String KEYS = """
                // Of the queries of each pair of tiles: shifts, then levels.
                __shared__ __align__(16) float floats[2 * 2 * TILE];
                const unsigned short *ds = half + dout + batch * (long) doutBatch + head * (long) doutHead;
                unsigned short *toKeys = half + dk + batch * (long) dkBatch + head * (long) dkHead;
                unsigned short *toValues = half + dv + batch * (long) dvBatch + head * (long) dvHead;
                const long of = (batch * heads + head) * (long) queries;
                const int start = CAUSAL ? first / TILE * TILE : 0;
                const auto load = [&](int tile) {
                    const int stage = (tile - start) / TILE % 2;
                    unsigned short *pair = area + stage * (2 * TILE * STRIDE);
                    load_tile<TILE>(pair, qs, qRow, tile, queries);
                    load_tile<TILE>(pair + TILE * STRIDE, ds, doutRow, tile, queries);
                    const int e = threadIdx.x;
                    if (e < 2 * TILE) {
                        const long at = of + tile + e % TILE + (e < TILE ? lse : delta);
                        copy_word_async(floats + stage * 2 * TILE + e, f + at, tile + e % TILE < queries);
                    }
                };
                unsigned a[PADDED / 16][4], by[PADDED / 16][4];
                load_tile<ROWS>(own, ks, kRow, first, keys);
                load_tile<ROWS>(own + ROWS * STRIDE, vs, vRow, first, keys);
                if (TOGETHER) {
                    load(start);
                }
                await_copies();
                __syncthreads();
                load_rows(a, own + warp * 16 * STRIDE);
                load_rows(by, own + (ROWS + warp * 16) * STRIDE);
                if (!TOGETHER) {
                    __syncthreads();
                    load(start);
                }
                float ofKeys[PADDED / 8][4] = {}, ofValues[PADDED / 8][4] = {};
                const int end = warpRow < keys ? queries : 0;
                for (int tile = start; tile < queries; tile += TILE) {
                    await_copies();
                    __syncthreads();
                    if (tile + TILE < queries) {
                        load(tile + TILE);
                    }
                    #pragma unroll 1
                    for (int at = 0; at < TILE && tile + at < end; at += CHUNK) {
                        const int query = tile + at, stage = (tile - start) / TILE % 2;
                        const unsigned short *queryTile = area + (stage * 2 * TILE + at) * STRIDE;
                        const unsigned short *changeTile = queryTile + TILE * STRIDE;
                        const float *shift = floats + stage * 2 * TILE + at, *level = shift + TILE;
                        if (query + CHUNK <= end && (!CAUSAL || warpRow + 15 <= query)) {
                            change_keys<false>(ofKeys, ofValues, a, by, queryTile, changeTile, shift, level, 0, 0, 0,
                                               CHUNK, scale2);
                        } else {
                            change_keys<true>(ofKeys, ofValues, a, by, queryTile, changeTile, shift, level,
                                              CAUSAL ? row - query : 0, CAUSAL ? row + 8 - query : 0,
                                              CAUSAL ? warpRow - query : 0, end - query, scale2);
                        }
                    }
                }
                // A causal block may have no queries.
                await_copies();
                __syncthreads();
                store_rows(place, toKeys, dkRow, warpRow, keys, ofKeys, scale, scale);
                store_rows(place, toValues, dvRow, warpRow, keys, ofValues, 1, 1);
            """;

    private TensorAttentionCode() {}
}
