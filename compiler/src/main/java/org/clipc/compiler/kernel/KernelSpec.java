package org.clipc.compiler.kernel;

import java.util.List;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * What a kernel computes. Sizes, strides and offsets are arguments at run time and not part of a spec, so layers of any
 * width and count share kernels; the argument order stands with each record. Offsets are bytes into the arena, strides
 * elements. Element types other than f32 are converted on load and on store (bf16 rounds to nearest even); all
 * arithmetic on floats is f32.
 */
public sealed interface KernelSpec {

    /** An operand of an index space: its element type and how the innermost axis walks it. */
    record Operand(DType dtype, Access access) {}

    /** A result of a gemm epilogue: an expression over Arg(0) = the accumulated dot product and Arg(1 + i) = operand i. */
    record Result(DType dtype, Expr value) {}

    /**
     * C[b, m, n] = epilogue(sum over k of A[b, m, k] · B[b, k, n]).
     *
     * @param lhs element type of A
     * @param rhs element type of B
     * @param lhsRowMajor whether A's k axis has unit stride (else its m axis has)
     * @param rhsRowMajor whether B's n axis has unit stride (else its k axis has)
     * @param operands of the epilogue, each [b, m, n] with strides (0 broadcasts)
     * @param results at least one
     */
    record Gemm(
            DType lhs,
            DType rhs,
            boolean lhsRowMajor,
            boolean rhsRowMajor,
            List<Operand> operands,
            List<Result> results)
            implements KernelSpec {
        public Gemm {
            operands = List.copyOf(operands);
            results = List.copyOf(results);
        }
    }

    /** Flash attention, forward; see {@link org.clipc.ir.Op.Attention}. Any strides for batch, row and head; unit stride within a head. */
    record Attention(DType dtype, boolean causal, boolean dropout) implements KernelSpec {}

    /** Flash attention, backward. */
    record AttentionGrad(DType dtype, boolean causal, boolean dropout) implements KernelSpec {}

    /**
     * For every point of an index space of {@code rank} axes (collapsed as far as operands allow): each result is an
     * expression over the operands there. Units are outermost rows or, for rank 1, blocks.
     *
     * @param results element type and expression; stored with unit stride or strided, per {@code stores}
     */
    record Elementwise(int rank, List<Operand> operands, List<Result> results, List<Access> stores)
            implements KernelSpec {
        public Elementwise {
            operands = List.copyOf(operands);
            results = List.copyOf(results);
            stores = List.copyOf(stores);
        }
    }

    /**
     * Combines {@code value} over part of an index space, with a fixed order that does not depend on the thread count.
     *
     * @param inner true: reduces the innermost axes (rows to numbers); false: reduces the outer ones (columns)
     */
    record Reduce(ReduceFn fn, boolean inner, List<Operand> operands, Expr value, DType result) implements KernelSpec {
        public Reduce {
            operands = List.copyOf(operands);
        }
    }

    /** Index of the first largest element of each row. */
    record ArgMax(DType dtype) implements KernelSpec {}

    /** Gain and bias may differ in type: one is stored in bf16, say, and the other computed from what is. */
    record LayerNorm(DType dtype, DType gain, DType bias) implements KernelSpec {}

    /** @param parameters element type of gain, and of both gradients of parameters */
    record LayerNormGrad(DType dtype, DType parameters) implements KernelSpec {}

    record Softmax(DType dtype) implements KernelSpec {}

    record SoftmaxGrad(DType dtype) implements KernelSpec {}

    record SoftmaxXent(DType dtype) implements KernelSpec {}

    record SoftmaxXentGrad(DType dtype) implements KernelSpec {}

    /** Rows of a table by index: out[b, n, :] = table[b, index[b, n], :]. */
    record Gather(DType dtype) implements KernelSpec {}

    /** out[b, v, :] = sum of updates[b, n, :] with index[b, n] = v, in ascending n. */
    record ScatterAdd(DType dtype) implements KernelSpec {}

    /** @param ofPart whether the seed counts rows that stand before, see {@link org.clipc.ir.Op.Uniform} */
    record RandomSubset(boolean ofPart) implements KernelSpec {}

    /** Over one parameter tensor, in place where the plan says so. */
    record AdamW(DType parameter, DType gradient) implements KernelSpec {}

    /** Combines the per-unit partial results of a preceding call, in unit order. */
    record Combine(ReduceFn fn, DType result) implements KernelSpec {}
}
