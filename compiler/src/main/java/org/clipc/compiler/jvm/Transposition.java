package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import java.util.stream.IntStream;

/**
 * Renders how {@code n} vectors of {@code n} floats, the variables {@code x0}, {@code x1}, …, are transposed in registers:
 * stage by stage, two exchange the halves, quarters, … in which they hold each other's elements.
 *
 * @param species name of the species of these vectors
 * @param n a power of two
 */
record Transposition(String species, int n) {

    /** Adds the constants that {@link #stages} refers to: lane i gets lane i ^ distance, and the lanes with that bit. */
    void addConstants(KernelClass kernel) {
        for (var distance = n / 2; distance > 0; distance /= 2) {
            var bit = distance;
            var from = IntStream.range(0, n).map(lane -> lane ^ bit).toArray();
            kernel.add(JvmLibrary.shuffle(swap(distance), species, from));
            kernel.add(JvmLibrary.mask(upper(distance), species, n, lane -> (lane & bit) != 0));
        }
    }

    CodeBlock stages() {
        var code = CodeBlock.builder();
        var step = 0;
        for (var distance = n / 2; distance > 0; distance /= 2) {
            for (var i = 0; i < n; i++) {
                if ((i & distance) == 0) {
                    var kept = "t" + step++;
                    var swap = swap(distance);
                    var upper = upper(distance);
                    code.addStatement("final $T $L = x$L.rearrange($L)", Lanes.FLOAT_VECTOR, kept, i, swap);
                    code.addStatement("x$1L = x$1L.blend(x$2L.rearrange($3L), $4L)", i, i + distance, swap, upper);
                    code.addStatement("x$1L = $2L.blend(x$1L, $3L)", i + distance, kept, upper);
                }
            }
        }
        return code.build();
    }

    private String swap(int distance) {
        return "SWAP" + n + "_" + distance;
    }

    private String upper(int distance) {
        return "UPPER" + n + "_" + distance;
    }
}
