package org.clipc.compiler.precision;

import org.clipc.ir.Op;

/** How ops are computed in mixed precision. Inside, all of them compute in f32. */
sealed interface PrecisionRule {

    /** Rules without numbers. */
    enum Simple implements PrecisionRule {
        /** Makes its result from nothing, or from indices. */
        SOURCE,
        /** Element by element, in f32: what lies between two stored tensors is not rounded. */
        POINTWISE,
        /** Moves the elements of its tensors, in whatever type they have. */
        MOVE,
        /** Reads f32 and leaves f32: sums and what else rounding would spoil. */
        F32,
        /** A product: of bf16 tensors, unless both factors are results of f32 ops, as those of logits are. */
        PRODUCT,
        /** The optimizer: all in f32, but gradients come in the type that parameters are stored in. */
        UPDATE
    }

    /**
     * A kernel that reads bf16, computes in f32 and leaves bf16.
     *
     * @param operands so many are read as bf16; the others, such as statistics, as they are
     * @param results so many are bf16; the others f32
     */
    record Bf16(int operands, int results) implements PrecisionRule {}

    /** The rule of every op. */
    static PrecisionRule of(Op op) {
        return switch (op) {
            case Op.Input _, Op.Constant _, Op.Iota _, Op.Uniform _, Op.RandomSubset _ -> Simple.SOURCE;
            case Op.Elementwise _ -> Simple.POINTWISE;
            case Op.AllReduce _, Op.AllGather _, Op.ReduceScatter _, Op.RankSlice _ ->
                throw new IllegalStateException("precision is chosen before partitioning");
            case Op.DataMovement _ -> Simple.MOVE;
            case Op.Reduce _,
                    Op.ArgMax _,
                    Op.ScatterAdd _,
                    Op.Softmax _,
                    Op.SoftmaxGrad _,
                    Op.SoftmaxXent _,
                    Op.SoftmaxXentGrad _ -> Simple.F32;
            case Op.DotGeneral _ -> Simple.PRODUCT;
            case Op.LayerNorm _ -> new Bf16(1, 1);
            case Op.LayerNormGrad _ -> new Bf16(2, 1);
            case Op.Attention _ -> new Bf16(3, 1);
            case Op.AttentionGrad _ -> new Bf16(5, 3);
            case Op.AdamW _ -> Simple.UPDATE;
            case Op.Fused _ -> throw new IllegalStateException("precision is chosen before fusion");
        };
    }
}
