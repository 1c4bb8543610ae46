package org.clipc.compiler.lower;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Objects;
import org.clipc.ir.interp.Tensor64;

/** Comparisons of results. */
public final class Tensors {

    private Tensors() {}

    /** The same up to the rounding of float64. */
    public static void assertSame(String label, Map<String, Tensor64> expected, Map<String, Tensor64> actual) {
        assertClose(label, expected, actual, 1e-9);
    }

    /** The same names, types and numbers, up to {@code tolerance}, relative above 1 and absolute below. */
    public static void assertClose(
            String label, Map<String, Tensor64> expected, Map<String, Tensor64> actual, double tolerance) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, tensor) -> {
            var other = Objects.requireNonNull(actual.get(name));
            assertThat(other.type()).isEqualTo(tensor.type());
            for (var i = 0; i < tensor.size(); i++) {
                var x = tensor.get(i);
                var y = other.get(i);
                var same = Math.abs(y - x) <= tolerance * Math.max(1, Math.abs(x)) || Double.compare(x, y) == 0;
                if (!same) {
                    throw new AssertionError("%s[%d] of %s: %s, not %s".formatted(name, i, label, y, x));
                }
            }
        });
    }
}
