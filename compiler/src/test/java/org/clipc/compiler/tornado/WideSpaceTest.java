package org.clipc.compiler.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Elementwise;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WideSpaceTest {

    private static View view(DType dtype, long offset, List<Integer> dims, Long... strides) {
        return new View(0, offset, dtype, dims, List.of(strides));
    }

    /** Of the sum of all operands, and of what {@code more} adds. */
    private static WideSpace space(List<View> inputs, View output, Expr... more) {
        var leaves = IntStream.range(0, inputs.size()).<Expr>mapToObj(i -> new Expr.Arg(i, DType.F32));
        var sum = Stream.concat(leaves, Stream.of(more))
                .reduce((a, b) -> new Expr.Binary(BinaryFn.ADD, a, b))
                .orElseThrow();
        var spec = new Elementwise(
                output.dims().size(),
                inputs.stream()
                        .map(v -> new Operand(v.dtype(), Access.CONTIGUOUS))
                        .toList(),
                List.of(new Result(output.dtype(), sum)),
                List.of(Access.CONTIGUOUS));
        return WideSpace.of(ExprDag.of(List.of(sum)), new Launch(spec, inputs, List.of(output), List.of()));
    }

    @Test
    void joinsAxesThatContinueEachOtherInAllTensors() {
        var dims = List.of(1, 6, 5, 16);
        var dense = view(DType.F32, 0, dims, 480L, 80L, 16L, 1L);
        assertThat(space(List.of(dense), dense).outputs().getFirst()).isEqualTo(view(DType.F32, 0, List.of(480), 1L));
        var bias = view(DType.BF16, 0, dims, 0L, 0L, 0L, 1L);
        var biased = space(List.of(dense, bias), dense);
        assertThat(biased.inputs())
                .containsExactly(
                        view(DType.F32, 0, List.of(30, 16), 16L, 1L), view(DType.BF16, 0, List.of(30, 16), 0L, 1L));
        assertThat(biased.width()).isEqualTo(8);
        var one = view(DType.F32, 3, List.of(1, 1), 7L, 5L);
        assertThat(space(List.of(one), one).outputs().getFirst().dims()).containsExactly(1);
    }

    @Test
    void keepsAxesOfWhichCoordinatesAreAsked() {
        var dense = view(DType.F32, 0, List.of(6, 16), 16L, 1L);
        var space = space(List.of(dense), dense, new Expr.Convert(DType.F32, new Expr.Index(0)));
        assertThat(space.outputs()).containsExactly(dense);
        assertThat(space.width()).isEqualTo(4);
    }

    @ParameterizedTest
    @CsvSource({
        "F32, F32, 16, 16, 0, 4",
        "F32, F32, 18, 18, 0, 2",
        "F32, F32, 16, 16, 2, 2",
        "F32, F32, 16, 17, 0, 1",
        "F32, F32, 15, 16, 0, 1",
        "F32, BF16, 16, 16, 0, 8",
        "F32, BF16, 16, 20, 4, 8",
        "BF16, F32, 16, 20, 0, 4",
        "BF16, F32, 16, 16, 4, 4",
        "BF16, BF16, 16, 16, 2, 2",
        "BF16, BF16, 16, 16, 1, 1",
        "I32, F32, 16, 17, 1, 4"
    })
    void takesAsManyNeighboursAsPlacesAllow(DType in, DType out, int extent, long stride, long offset, int width) {
        var dims = List.of(5, extent);
        var x = view(in, offset, dims, stride, 1L);
        var y = view(out, 0, dims, 64L, 1L);
        assertThat(space(List.of(x), y).width()).isEqualTo(width);
    }

    @Test
    void takesOnePointWhereResultsAreStrided() {
        var x = view(DType.F32, 0, List.of(4, 8), 8L, 1L);
        assertThat(space(List.of(x), view(DType.F32, 0, List.of(4, 8), 1L, 4L)).width())
                .isEqualTo(1);
        assertThat(space(List.of(view(DType.F32, 0, List.of(4, 8), 1L, 4L)), x).width())
                .isEqualTo(4);
    }
}
