package org.clipc.compiler.tornado;

/** Functions of CUDA C that expressions and accesses in kernels for CUDA call, where Java has a name for each. */
final class CudaFunctions {

    /**
     * What kernels call to {@code loadFloats(f, i, v)}, {@code loadBfloats}, {@code storeFloats} and {@code storeBfloats} as
     * many neighbours as the array {@code v} has: 2, 4 or 8, by accesses of up to 16 bytes to places that are multiples of
     * these.
     */
    static final String WIDE = "Wide";

    /** What kernels call for {@code exp}, {@code divide}, {@code sigmoid} and {@code erf} good enough for bf16. */
    static final String FAST = "Fast";

    /** The functions of {@link #WIDE}, which call those of {@link CDialect#bfloat16}. */
    static final String WIDE_CODE = """
            template <int N> struct __align__(4 * N) Words {
                unsigned at[N];
            };
            template <int N> static __device__ void wide_loadFloats(const float *f, long long i, float (&v)[N]) {
                constexpr int WORDS = N < 4 ? N : 4;
                #pragma unroll
                for (int k = 0; k < N; k += WORDS) {
                    const Words<WORDS> words = *(const Words<WORDS> *) (f + i + k);
                    #pragma unroll
                    for (int w = 0; w < WORDS; w++) {
                        v[k + w] = __uint_as_float(words.at[w]);
                    }
                }
            }
            template <int N> static __device__ void wide_storeFloats(float *f, long long i, const float (&v)[N]) {
                constexpr int WORDS = N < 4 ? N : 4;
                #pragma unroll
                for (int k = 0; k < N; k += WORDS) {
                    Words<WORDS> words;
                    #pragma unroll
                    for (int w = 0; w < WORDS; w++) {
                        words.at[w] = __float_as_uint(v[k + w]);
                    }
                    *(Words<WORDS> *) (f + i + k) = words;
                }
            }
            template <int N> static __device__ void wide_loadBfloats(const float *f, long long i, float (&v)[N]) {
                const Words<N / 2> words = *(const Words<N / 2> *) ((const unsigned short *) f + i);
                #pragma unroll
                for (int w = 0; w < N / 2; w++) {
                    v[2 * w] = __uint_as_float(words.at[w] << 16);
                    v[2 * w + 1] = __uint_as_float(words.at[w] & 0xffff0000u);
                }
            }
            template <int N> static __device__ void wide_storeBfloats(float *f, long long i, const float (&v)[N]) {
                Words<N / 2> words;
                #pragma unroll
                for (int w = 0; w < N / 2; w++) {
                    words.at[w] = bf16_pair(v[2 * w], v[2 * w + 1]);
                }
                *(Words<N / 2> *) ((unsigned short *) f + i) = words;
            }
            """;

    /** Instructions of GPUs; elsewhere, what they approximate. */
    static final String APPROXIMATE = """
            #ifdef __CUDA_ARCH__
            static __device__ float fast_exp2(float x) {
                float y;
                asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
                return y;
            }
            static __device__ float fast_reciprocal(float x) {
                float y;
                asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
                return y;
            }
            static __device__ float fast_divide(float a, float b) {
                float y;
                asm("div.full.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
                return y;
            }
            #else
            static float fast_exp2(float x) {
                return exp2f(x);
            }
            static float fast_reciprocal(float x) {
                return 1.0f / x;
            }
            static float fast_divide(float a, float b) {
                return a / b;
            }
            #endif
            """;

    /**
     * The functions of {@link #FAST}: relative errors below 1e-6 times the larger of 1 and the exponent, but for numbers
     * below 2^-126, which may become 0. Of erf the error is below 2e-7 in all and 1e-5 relative (Abramowitz and Stegun,
     * 7.1.26; near 0, where 1 - erfc(x) would cancel, the Taylor series).
     */
    static final String FAST_CODE = APPROXIMATE + """
            static __device__ float fast_exp(float x) {
                return fast_exp2(1.442695041f * x);
            }
            static __device__ float fast_sigmoid(float x) {
                return fast_reciprocal(1.0f + fast_exp(-x));
            }
            static __device__ float fast_erf(float x) {
                float a = fabsf(x);
                float t = fast_reciprocal(1.0f + 0.3275911f * a);
                float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
                float far = 1.0f - p * fast_exp(-(x * x));
                float near = a * (1.128379167f - 0.376126389f * (x * x));
                return copysignf(a < 0.03f ? near : far, x);
            }
            """;

    private CudaFunctions() {}
}
