package org.clipc.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.clipc.ir.TensorType;
import org.clipc.program.Parameter;
import org.clipc.program.Parameter.Initializer;
import org.clipc.program.Parameter.Kind;
import org.junit.jupiter.api.Test;

class ParameterInitializerTest {

    private static final int COUNT = 200_000;

    private static float[] draw(String name, Kind kind, double a, double b, int count, long seed) {
        return ParameterInitializer.initial(parameter(name, kind, a, b, count), seed, 0, count);
    }

    private static Parameter parameter(String name, Kind kind, double a, double b, int count) {
        return new Parameter(name, TensorType.f32(count), new Initializer(kind, a, b), false, true, null, -1, 0);
    }

    @Test
    void hasTheMomentsAsked() {
        assertMoments(draw("w", Kind.NORMAL, 0.02, 0, COUNT, 1), 0, 0.02, 0);
        // Variance of a standard normal cut at two: 1 - 4·φ(2) / (2·Φ(2) - 1).
        assertMoments(draw("w", Kind.TRUNC_NORMAL, 0.02, 0, COUNT, 1), 0, 0.02 * Math.sqrt(0.7737413), 0.04);
        assertMoments(draw("w", Kind.UNIFORM, -1, 3, COUNT, 1), 1, 4 / Math.sqrt(12), 3);
        assertThat(draw("w", Kind.CONSTANT, 2.5, 0, 3, 1)).containsOnly(2.5f);
        assertThat(draw("w", Kind.ONES, 0, 0, 3, 1)).containsOnly(1f);
        assertThat(draw("w", Kind.ZEROS, 0, 0, 3, 1)).containsOnly(0f);
    }

    private static void assertMoments(float[] values, double mean, double deviation, double bound) {
        var sum = 0.0;
        var squares = 0.0;
        for (var value : values) {
            sum += value;
            squares += (value - mean) * (value - mean);
            if (bound > 0) {
                assertThat(Math.abs(value)).isLessThanOrEqualTo((float) bound);
            }
        }
        var error = 5 * deviation / Math.sqrt(COUNT);
        assertThat(sum / COUNT).isCloseTo(mean, within(error));
        assertThat(Math.sqrt(squares / COUNT)).isCloseTo(deviation, within(error));
    }

    @Test
    void normalNumbersHaveTheRightTails() {
        var values = draw("w", Kind.NORMAL, 1, 0, COUNT, 9);
        Arrays.sort(values);
        assertThat(values[COUNT / 2]).isCloseTo(0, within(0.02f));
        assertThat(values[(int) (COUNT * 0.8413447)]).isCloseTo(1, within(0.02f));
        assertThat(values[(int) (COUNT * 0.9986501)]).isCloseTo(3, within(0.1f));
    }

    @Test
    void dependsOnNameSeedAndIndexOnly() {
        var values = draw("a.weight", Kind.NORMAL, 1, 0, 1001, 5);
        assertThat(draw("a.weight", Kind.NORMAL, 1, 0, 1001, 5)).isEqualTo(values);
        assertThat(draw("a.weight", Kind.NORMAL, 1, 0, 10, 5)).isEqualTo(Arrays.copyOf(values, 10));
        assertThat(draw("b.weight", Kind.NORMAL, 1, 0, 1001, 5)[0]).isNotEqualTo(values[0]);
        assertThat(draw("a.weight", Kind.NORMAL, 1, 0, 1001, 6)[0]).isNotEqualTo(values[0]);
    }

    @Test
    void partsAreThoseOfTheWhole() {
        var whole = draw("a.weight", Kind.TRUNC_NORMAL, 1, 0, 1001, 5);
        var parameter = parameter("a.weight", Kind.TRUNC_NORMAL, 1, 0, 1001);
        assertThat(ParameterInitializer.initial(parameter, 5, 400, 601))
                .isEqualTo(Arrays.copyOfRange(whole, 400, 1001));
    }
}
