// What CUDA C needs to be compiled as C++ for a CPU: a block's threads are coroutines of one thread, which go on to the
// next barrier, or to the next operation of their warp, in turns. Blocks run one after the other.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <ucontext.h>
#include <vector>

using namespace std;

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(threads)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __restrict__

struct Index {
    int x, y, z;
};

static Index threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

constexpr int WARP = 32;
constexpr size_t STACK = 128 << 10;

struct Barrier {
    int size = 0, arrived = 0, passed = 0;
};

struct Warp {
    Barrier barrier;
    float floats[WARP];
    unsigned a[WARP][4], b[WARP][2];
    const unsigned short *rows[WARP];
};

struct Copy {
    void *to;
    const void *from;
    int size;
    bool exists;
};

static ucontext_t scheduler;
static vector<ucontext_t> threads;
static vector<unique_ptr<char[]>> stacks;
static vector<char> done;
static vector<Warp> warps;
static vector<vector<Copy>> copies;
static Barrier block;
static int current;
static void (*body)();

static void yield() {
    swapcontext(&threads[current], &scheduler);
}

static void wait(Barrier &barrier) {
    int before = barrier.passed;
    if (++barrier.arrived == barrier.size) {
        barrier.arrived = 0;
        barrier.passed++;
    } else {
        while (barrier.passed == before) {
            yield();
        }
    }
}

static Warp &warp() {
    return warps[current / WARP];
}

static void enter() {
    body();
    done[current] = 1;
    // A thread that has returned takes part in no barrier.
    block.size--;
    if (block.size > 0 && block.arrived == block.size) {
        block.arrived = 0;
        block.passed++;
    }
    swapcontext(&threads[current], &scheduler);
}

static void run(void (*kernel)(), int groups, int size) {
    body = kernel;
    while ((int) stacks.size() < size) {
        stacks.emplace_back(new char[STACK]);
    }
    blockDim = {size, 1, 1};
    gridDim = {groups, 1, 1};
    for (int group = 0; group < groups; group++) {
        blockIdx = {group, 0, 0};
        threads.assign(size, {});
        done.assign(size, 0);
        copies.assign(size, {});
        warps.assign((size + WARP - 1) / WARP, {});
        block = {size, 0, 0};
        for (int t = 0; t < size; t++) {
            warps[t / WARP].barrier.size++;
            getcontext(&threads[t]);
            threads[t].uc_stack.ss_sp = stacks[t].get();
            threads[t].uc_stack.ss_size = STACK;
            threads[t].uc_link = nullptr;
            makecontext(&threads[t], enter, 0);
        }
        for (bool left = true; left;) {
            left = false;
            for (int t = 0; t < size; t++) {
                if (!done[t]) {
                    left = true;
                    current = t;
                    threadIdx = {t, 0, 0};
                    swapcontext(&scheduler, &threads[t]);
                }
            }
        }
    }
}

static float of_bf16(unsigned bits) {
    unsigned wide = bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static float half_of(unsigned pair, int half) {
    return of_bf16(half ? pair >> 16 : pair & 0xffffu);
}
}

static void __syncthreads() {
    emulator::wait(emulator::block);
}

static void __syncwarp() {
    emulator::wait(emulator::warp().barrier);
}

static float __shfl_xor_sync(unsigned, float value, int mask) {
    auto &warp = emulator::warp();
    int lane = emulator::current % emulator::WARP;
    warp.floats[lane] = value;
    emulator::wait(warp.barrier);
    float other = warp.floats[lane ^ mask];
    emulator::wait(warp.barrier);
    return other;
}

// mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32, by the layout of fragments in the PTX manual, section 9.7.14.
static void mma_m16n8k16(float *d, const unsigned *a, const unsigned *b) {
    auto &warp = emulator::warp();
    int lane = emulator::current % emulator::WARP;
    memcpy(warp.a[lane], a, sizeof warp.a[lane]);
    memcpy(warp.b[lane], b, sizeof warp.b[lane]);
    emulator::wait(warp.barrier);
    for (int i = 0; i < 4; i++) {
        int row = lane / 4 + (i / 2) * 8, column = lane % 4 * 2 + i % 2;
        float sum = d[i];
        for (int k = 0; k < 16; k++) {
            unsigned pair_a = warp.a[row % 8 * 4 + k % 8 / 2][row / 8 + k / 8 * 2];
            unsigned pair_b = warp.b[column * 4 + k % 8 / 2][k / 8];
            sum += emulator::half_of(pair_a, k % 2) * emulator::half_of(pair_b, k % 2);
        }
        d[i] = sum;
    }
    emulator::wait(warp.barrier);
}

// ldmatrix.sync.aligned.m8n8.x4.shared.b16, section 9.7.14 too: each lane has the address of one row of a matrix.
static void load_matrices(unsigned *r, const unsigned short *row, bool transposed) {
    auto &warp = emulator::warp();
    int lane = emulator::current % emulator::WARP;
    warp.rows[lane] = row;
    emulator::wait(warp.barrier);
    for (int m = 0; m < 4; m++) {
        unsigned pair[2];
        for (int i = 0; i < 2; i++) {
            int across = lane / 4, along = lane % 4 * 2 + i;
            pair[i] = transposed ? warp.rows[m * 8 + along][across] : warp.rows[m * 8 + across][along];
        }
        r[m] = pair[0] | pair[1] << 16;
    }
    emulator::wait(warp.barrier);
}

static void ldmatrix_x4(unsigned *r, const unsigned short *row) {
    load_matrices(r, row, false);
}

static void ldmatrix_x4_trans(unsigned *r, const unsigned short *row) {
    load_matrices(r, row, true);
}

// cp.async and cp.async.wait_all, section 9.7.9: what a thread copies is there when it waits, as late as can be.
static void copy_later(void *to, const void *from, int size, bool exists) {
    emulator::copies[emulator::current].push_back({to, from, size, exists});
}

static void copy_async(void *to, const void *from, bool exists) {
    if (((uintptr_t) to | (uintptr_t) from) % 16 != 0) {
        abort();
    }
    copy_later(to, from, 16, exists);
}

static void copy_word_async(void *to, const void *from, bool exists) {
    copy_later(to, from, 4, exists);
}

static void await_copies() {
    for (auto &copy : emulator::copies[emulator::current]) {
        if (copy.exists) {
            memcpy(copy.to, copy.from, copy.size);
        } else {
            memset(copy.to, 0, copy.size);
        }
    }
    emulator::copies[emulator::current].clear();
}

struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

static float __int_as_float(int bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float __uint_as_float(unsigned bits) {
    return __int_as_float((int) bits);
}

static unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
