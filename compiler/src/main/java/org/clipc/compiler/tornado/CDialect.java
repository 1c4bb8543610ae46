package org.clipc.compiler.tornado;

import java.util.List;
import java.util.stream.Collectors;

/** The two languages in C in which drivers take kernels, as far as they differ. */
enum CDialect {

    /**
     * A kernel takes TornadoVM's four parameters and then its arrays, each behind a header of {@code HEADER} bytes, which
     * whoever compiles the source must define. Sizes and places come in the array {@code args}, floats in {@code constants}.
     */
    OPENCL {
        @Override
        String head(String name, int groupSize, int arguments) {
            var arrays = ARRAYS.stream().map(a -> "__global uchar *" + a + "_").collect(Collectors.joining(", "));
            var text = new StringBuilder("""
                    __attribute__((reqd_work_group_size(%d, 1, 1)))
                    __kernel void %s(__global long *_context, __constant uchar *_constants, __local uchar *_local,
                            __global int *_atomics, %s) {
                    """.formatted(groupSize, name, arrays));
            for (var array : ARRAYS) {
                var type = array.equals("f") || array.equals("constants") ? "float" : "int";
                text.append("    __global %s *restrict %s = (__global %s *) (%s_ + HEADER);\n"
                        .formatted(type, array, type, array));
            }
            return text.toString();
        }

        @Override
        String prelude() {
            return "";
        }

        @Override
        String bfloat16() {
            return """
                    static float bf16_load(__global float *f, int i) {
                        return as_float((uint) ((__global ushort *) f)[(uint) i] << 16);
                    }
                    static float bf16_round(float x) {
                        uint bits = as_uint(x);
                        uint up = x != x ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u);
                        return as_float(up & 0xffff0000u);
                    }
                    static void bf16_store(__global float *f, int i, float x) {
                        ((__global ushort *) f)[(uint) i] = (ushort) (as_uint(bf16_round(x)) >> 16);
                    }
                    """;
        }

        @Override
        String function() {
            return "static";
        }

        @Override
        String pointer(String type) {
            return "__global " + type + " *";
        }

        @Override
        String local(String array) {
            return "__local " + array;
        }

        @Override
        String localIndex() {
            return "(int) get_local_id(0)";
        }

        @Override
        String groupIndex() {
            return "(int) get_group_id(0)";
        }

        @Override
        String barrier() {
            return "barrier(CLK_LOCAL_MEM_FENCE)";
        }

        @Override
        String unsignedLong() {
            return "ulong";
        }

        @Override
        String argument(String index, boolean isPlace) {
            return "args[" + index + "]";
        }

        @Override
        String constant(String index) {
            return "constants[" + index + "]";
        }
    },

    /**
     * A kernel takes the arenas, and by value all else: places that may exceed an int, sizes, and floats by their bits. Any
     * number of elements may lie before a place.
     */
    CUDA {
        @Override
        String head(String name, int groupSize, int arguments) {
            return """
                    struct Args {
                        long long v[%d];
                    };
                    extern "C" __global__ void __launch_bounds__(%d) %s(unsigned char *arena, int *n, const Args args) {
                        float *f = (float *) arena;
                    """.formatted(Math.max(1, arguments), groupSize, name);
        }

        @Override
        String prelude() {
            return """
                    #ifndef INFINITY
                    #define INFINITY __int_as_float(0x7f800000)
                    #endif
                    """;
        }

        @Override
        String bfloat16() {
            return """
                    static __device__ float bf16_load(const float *f, long long i) {
                        return __uint_as_float((unsigned) ((const unsigned short *) f)[i] << 16);
                    }
                    #if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
                    static __device__ unsigned bf16_pair(float low, float high) {
                        unsigned pair;
                        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
                        return pair;
                    }
                    #else
                    static __device__ unsigned bf16_bits(float x) {
                        unsigned bits = __float_as_uint(x);
                        return (x != x ? bits | 0x400000u : bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
                    }
                    static __device__ unsigned bf16_pair(float low, float high) {
                        return bf16_bits(low) | bf16_bits(high) << 16;
                    }
                    #endif
                    static __device__ float bf16_round(float x) {
                        return __uint_as_float(bf16_pair(0.0f, x));
                    }
                    static __device__ void bf16_store(float *f, long long i, float x) {
                        ((unsigned short *) f)[i] = (unsigned short) bf16_pair(x, 0.0f);
                    }
                    """;
        }

        @Override
        String function() {
            return "static __device__";
        }

        @Override
        String pointer(String type) {
            return type + " *";
        }

        @Override
        String local(String array) {
            return "__shared__ " + array;
        }

        @Override
        String localIndex() {
            return "(int) threadIdx.x";
        }

        @Override
        String groupIndex() {
            return "(int) blockIdx.x";
        }

        @Override
        String barrier() {
            return "__syncthreads()";
        }

        @Override
        String unsignedLong() {
            return "unsigned long";
        }

        @Override
        String argument(String index, boolean isPlace) {
            return (isPlace ? "" : "(int) ") + "args.v[" + index + "]";
        }

        @Override
        String constant(String index) {
            return "__int_as_float(" + index + ")";
        }
    };

    private static final List<String> ARRAYS = List.of("f", "n", "args", "constants");

    /** The start of a kernel function, up to the first statement of its body. */
    abstract String head(String name, int groupSize, int arguments);

    /** What a file begins with. */
    abstract String prelude();

    /** Functions that read, round to and write bf16, to nearest even; an element's index counts elements of two bytes. */
    abstract String bfloat16();

    /** What functions that kernels call are declared with. */
    abstract String function();

    /** A pointer to elements of an arena. */
    abstract String pointer(String type);

    /** The declaration of an array that a group shares. */
    abstract String local(String array);

    abstract String localIndex();

    abstract String groupIndex();

    abstract String barrier();

    abstract String unsignedLong();

    /** @param isPlace whether the argument is a place in the arena of floats */
    abstract String argument(String index, boolean isPlace);

    /** @param index the expression that Java finds the number by */
    abstract String constant(String index);
}
