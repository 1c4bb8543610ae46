package org.clipc.ir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class ShapeRulesTest {

    private static final int MOST = Integer.MAX_VALUE;
    private static final TensorType RANK = TensorType.i32();

    private static void assertRefused(Op op, String problem, TensorType... in) {
        assertThatThrownBy(() -> ShapeRules.infer(op, List.of(in)))
                .isInstanceOf(ShapeException.class)
                .hasMessage(ShapeRules.describe(op) + " cannot take " + List.of(in) + ": " + problem);
    }

    @Test
    void extentsDoNotWrapAround() {
        var longest = TensorType.f32(MOST);
        assertThat(ShapeRules.infer(new Op.Pad(List.of(0), List.of(MOST - 5), 0), List.of(TensorType.f32(5))))
                .containsExactly(longest);
        assertRefused(
                new Op.Pad(List.of(MOST), List.of(MOST), 0),
                "extent 4294967299 is more than 2147483647",
                TensorType.f32(5));
        assertRefused(new Op.Concat(0), "extent 6442450941 is more than 2147483647", longest, longest, longest);
        assertRefused(
                new Op.AllGather(MeshAxis.DATA, 1 << 16, 0, 1),
                "extent 4295032832 is more than 2147483647",
                TensorType.f32((1 << 16) + 1));
    }

    /** 641 · 6700417 is 2^32 + 1. */
    @Test
    void countsOfPartsDoNotWrapAround() {
        var x = TensorType.f32(641);
        var problem = "4294967297 does not divide the extent 641 of axis 0";
        assertRefused(new Op.ReduceScatter(MeshAxis.DATA, 641, 0, 6700417), problem, x);
        assertRefused(new Op.RankSlice(641, 0, 6700417), problem, x, RANK);
    }

    @Test
    void axesThatRanksCutDoNotCountFromTheEnd() {
        var x = TensorType.f32(4, 2);
        for (var dim : new int[] {-1, 2}) {
            var problem = "axis " + dim + " is outside of [4,2]";
            assertRefused(new Op.AllGather(MeshAxis.DATA, 2, dim, 1), problem, x);
            assertRefused(new Op.ReduceScatter(MeshAxis.DATA, 2, dim, 1), problem, x);
            assertRefused(new Op.RankSlice(2, dim, 1), problem, x, RANK);
        }
    }

    @Test
    void namedOpsAndTheirGradientsWorkOnFloats() {
        var x = TensorType.f32(3, 4);
        var ints = TensorType.i32(3, 4);
        var row = TensorType.f32(4);
        var intRow = TensorType.i32(4);
        var mean = TensorType.f32(3);
        assertRefused(new Op.LayerNorm(1e-5), "operand 1 must hold floats", x, intRow, row);
        assertRefused(new Op.LayerNorm(1e-5), "operand 2 must hold floats", x, row, intRow);
        assertRefused(new Op.LayerNormGrad(), "operand 0 must hold floats", ints, ints, row, mean, mean);
        assertRefused(new Op.LayerNormGrad(), "operand 2 must hold floats", x, x, intRow, mean, mean);
        assertRefused(new Op.SoftmaxGrad(), "operand 0 must hold floats", ints, ints);
        var adamW = new Op.AdamW(0.9, 0.98, 1e-6, 0.2);
        var scalar = TensorType.f32();
        assertRefused(adamW, "operand 0 must hold floats", intRow, row, row, row, scalar, scalar, scalar);
        assertRefused(adamW, "operand 1 must hold floats", row, intRow, row, row, scalar, scalar, scalar);
        assertRefused(adamW, "operand 2 must hold f32", row, row, intRow, intRow, scalar, scalar, scalar);
    }

    /** Kernels are made for one type of queries, keys and values, and for moments in f32. */
    @Test
    void operandsThatShareATypeDoNotDifferInIt() {
        var x = TensorType.f32(2, 3, 4);
        var narrow = x.withDtype(DType.BF16);
        var lse = TensorType.f32(2, 2, 3);
        var differ = "element types differ";
        assertRefused(new Op.Attention(2, false, 1, 0, 0), differ, x, narrow, narrow);
        assertRefused(new Op.AttentionGrad(2, false, 1, 0, 0), differ, x, x, narrow, narrow, x, lse);
        var scalar = TensorType.f32();
        var adamW = new Op.AdamW(0.9, 0.98, 1e-6, 0.2);
        assertRefused(adamW, "operand 2 must hold f32", x, x, narrow, narrow, scalar, scalar, scalar);
    }
}
