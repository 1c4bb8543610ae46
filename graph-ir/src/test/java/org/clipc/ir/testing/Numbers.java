package org.clipc.ir.testing;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Comparisons of arrays of numbers. AssertJ's take some ten microseconds for each number: for the parameters of a model far
 * longer than a training step.
 */
public final class Numbers {

    private Numbers() {}

    /** As many numbers as are expected, none of them further than {@code tolerance} from what it should be. */
    public static void assertClose(String name, double[] actual, double[] expected, double tolerance) {
        assertThat(actual.length).as("size of %s", name).isEqualTo(expected.length);
        for (var i = 0; i < actual.length; i++) {
            assertClose(name, i, actual[i], expected[i], tolerance);
        }
    }

    /** As {@link #assertClose(String, double[], double[], double)}. */
    public static void assertClose(String name, float[] actual, float[] expected, double tolerance) {
        assertThat(actual.length).as("size of %s", name).isEqualTo(expected.length);
        for (var i = 0; i < actual.length; i++) {
            assertClose(name, i, actual[i], expected[i], tolerance);
        }
    }

    private static void assertClose(String name, int index, double actual, double expected, double tolerance) {
        var same = Math.abs(actual - expected) <= tolerance || Double.compare(actual, expected) == 0;
        if (!same) {
            throw new AssertionError(
                    "%s[%d] is %s, not %s within %s".formatted(name, index, actual, expected, tolerance));
        }
    }
}
