package org.clipc.compiler.tornado;

import java.util.List;
import java.util.stream.LongStream;
import org.clipc.compiler.kernel.View;

/** Functions of CUDA C for what instructions serve NVIDIA's tensor cores, and C has no words for. */
final class TensorCores {

    /**
     * The product of fragments of bf16, added to one of f32; four matrices of 8 by 8 from shared memory, of which each lane
     * has the address of a row, as they are and transposed; copies to shared memory that need no registers; two raised to a
     * float, to within 2 units in the last place; two floats rounded to bf16. See the PTX manual, sections 9.7.14, 9.7.9
     * and 9.7.3.
     */
    static final String FUNCTIONS = """
            static __device__ void mma_m16n8k16(float *d, const unsigned *a, const unsigned *b) {
                asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
                    "{%8, %9}, {%0, %1, %2, %3};"
                    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
            }
            static __device__ void ldmatrix_x4(unsigned *r, const unsigned short *row) {
                unsigned address = (unsigned) __cvta_generic_to_shared(row);
                asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
            }
            static __device__ void ldmatrix_x4_trans(unsigned *r, const unsigned short *row) {
                unsigned address = (unsigned) __cvta_generic_to_shared(row);
                asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
            }
            // Begins to copy 16 bytes, or 4, to shared memory, or zeros; what follows waits for all that the thread began.
            static __device__ void copy_async(void *to, const void *from, bool exists) {
                unsigned address = (unsigned) __cvta_generic_to_shared(to);
                asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                             :: "r"(address), "l"(from), "r"(exists ? 16 : 0) : "memory");
            }
            static __device__ void copy_word_async(void *to, const void *from, bool exists) {
                unsigned address = (unsigned) __cvta_generic_to_shared(to);
                asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
                             :: "r"(address), "l"(from), "r"(exists ? 4 : 0) : "memory");
            }
            static __device__ void await_copies() {
                asm volatile("cp.async.wait_all;" ::: "memory");
            }
            """;

    /** Elements of 16 bytes, which are loaded at once where they lie so. */
    static final int VECTOR = 8;

    private TensorCores() {}

    /** Whether all rows of views [batch, rows, heads, depth] are whole vectors of 16 bytes. */
    static boolean isAligned(List<View> views) {
        return views.stream()
                .allMatch(view -> LongStream.of(
                                view.offset(), view.stride(0), view.stride(1), view.stride(2), view.dim(3))
                        .allMatch(step -> step % VECTOR == 0));
    }
}
