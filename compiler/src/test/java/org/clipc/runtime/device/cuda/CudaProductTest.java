package org.clipc.runtime.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.clipc.compiler.kernel.TanhGelu;

/** What a library that stores matrices by columns makes of a kernel's arguments is the product that the kernel computes. */
class CudaProductTest {

    private static final int PLACES = 4000;

    @Property(tries = 200)
    void theLibrarysProductIsTheKernels(
            @ForAll @IntRange(min = 1, max = 3) int outer,
            @ForAll @IntRange(min = 1, max = 3) int batch,
            @ForAll @IntRange(min = 1, max = 6) int rows,
            @ForAll @IntRange(min = 1, max = 6) int columns,
            @ForAll @IntRange(min = 1, max = 6) int depth,
            @ForAll boolean aByRows,
            @ForAll boolean bByRows,
            @ForAll boolean isShared,
            @ForAll boolean hasBias,
            @ForAll boolean hasAddend,
            @ForAll @IntRange(min = 0, max = 2) int gap,
            @ForAll boolean sumsB,
            @ForAll CudaProduct.Activation wanted,
            @ForAll boolean keepsArgument) {
        var a = strides(rows, depth, aByRows, gap, batch, false);
        var b = strides(depth, columns, bByRows, gap, batch, isShared);
        var c = strides(rows, columns, true, gap, batch, false);
        var args = new ArrayList<Long>(
                List.of(0L, 0L, 0L, (long) outer, (long) batch, (long) rows, (long) columns, (long) depth));
        args.addAll(a);
        args.addAll(b);
        args.addAll(c.subList(0, 3));
        args.addAll(List.of(0L, (long) PLACES, 2L * PLACES, hasBias ? 3L * PLACES : -1, hasAddend ? 4L * PLACES : -1));
        args.addAll(c.subList(0, 3));
        var activation = outer * batch == 1 ? wanted : CudaProduct.Activation.NONE;
        var isActivated = activation != CudaProduct.Activation.NONE;
        var hasSums = !hasBias && !isActivated && outer * batch == 1;
        args.addAll(List.of(hasSums ? 5L * PLACES : -1, sumsB ? 1L : 0L));
        var hasArgument = activation == CudaProduct.Activation.GELU_GRADIENT || keepsArgument;
        args.addAll(List.of(
                (long) List.of(CudaProduct.Activation.values()).indexOf(activation),
                isActivated ? 6L * PLACES : -1,
                c.get(2)));
        args.addAll(List.of(isActivated && hasArgument ? 7L * PLACES : -1, c.get(2)));
        assertThat(args).hasSize(CudaProduct.ARGUMENTS);
        try (var cuda = new EmulatedCuda()) {
            var arena = cuda.allocate(8L * PLACES * Float.BYTES);
            var values = new float[8 * PLACES];
            for (var i = 0; i < values.length; i++) {
                values[i] = (i * 37 % 17 - 8) / 4f;
            }
            cuda.upload(arena, MemorySegment.ofArray(values));
            cuda.multiply(CudaProduct.of(args), arena);
            var results = new float[8 * PLACES];
            cuda.download(arena, MemorySegment.ofArray(results));
            for (var i = 0; hasSums && i < (sumsB ? columns : rows); i++) {
                var sum = 0.0;
                for (var k = 0; k < depth; k++) {
                    sum += sumsB ? values[PLACES + at(b, 0, 0, k, i)] : values[at(a, 0, 0, i, k)];
                }
                assertThat((double) results[5 * PLACES + i]).isEqualTo(sum, within(1e-3));
            }
            for (var o = 0; o < outer; o++) {
                for (var s = 0; s < batch; s++) {
                    for (var i = 0; i < rows; i++) {
                        for (var j = 0; j < columns; j++) {
                            var sum = 0.0;
                            for (var k = 0; k < depth; k++) {
                                sum += values[at(a, o, s, i, k)] * values[PLACES + at(b, o, s, k, j)];
                            }
                            sum += hasBias ? values[3 * PLACES + j] : 0;
                            sum += hasAddend ? values[4 * PLACES + at(c, o, s, i, j)] : 0;
                            var at = at(c, o, s, i, j);
                            switch (activation) {
                                case NONE ->
                                    assertThat((double) results[2 * PLACES + at])
                                            .isEqualTo(sum, within(1e-3));
                                case GELU -> {
                                    assertThat((double) results[6 * PLACES + at])
                                            .isEqualTo(TanhGelu.value(sum), within(1e-3));
                                    assertThat((double) results[7 * PLACES + at])
                                            .isEqualTo(keepsArgument ? sum : values[7 * PLACES + at], within(1e-3));
                                }
                                case GELU_GRADIENT ->
                                    assertThat((double) results[6 * PLACES + at])
                                            .isEqualTo(
                                                    sum * TanhGelu.derivative(values[7 * PLACES + at]), within(1e-3));
                            }
                        }
                    }
                }
            }
        }
    }

    private static List<Long> strides(int rows, int columns, boolean byRows, int gap, int batch, boolean isShared) {
        var step = (byRows ? columns : rows) + (long) gap;
        var size = isShared ? 0 : step * (byRows ? rows : columns) + gap;
        return List.of(size * batch, size, byRows ? step : 1, byRows ? 1 : step);
    }

    private static int at(List<Long> strides, int outer, int batch, int row, int column) {
        return (int) (outer * strides.get(0) + batch * strides.get(1) + row * strides.get(2) + column * strides.get(3));
    }
}
