package org.clipc.runtime.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.clipc.program.Choice;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.Roofline;
import org.clipc.runtime.tensor.HostTensor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TunerTest {

    private static final Tuner.Effort EFFORT = new Tuner.Effort(1, 3, 7);

    /**
     * A device that only tells times: a run is five calls; calls 1 and 2, and calls 3 and 4, are two sites of one choice.
     */
    private static final class FakeProgram implements DeviceProgram {

        private static final String CHOICE = "Gemm 1x1x64x64x64";

        private final Map<String, Double> seconds;
        private final double noise;
        private final Random random;
        private String option = "";
        private @Nullable CallObserver observer;

        /**
         * @param seconds of a site by option; "" is the default
         * @param noise standard deviation, as a part of the time
         */
        FakeProgram(Map<String, Double> seconds, double noise, long seed) {
            this.seconds = seconds;
            this.noise = noise;
            this.random = new Random(seed);
        }

        @Override
        public List<Choice> choices(String entry) {
            var patches =
                    List.of(new Choice.Patch(1, 0, 0, new TreeMap<>()), new Choice.Patch(1, 0, 0, new TreeMap<>()));
            var options = new LinkedHashMap<String, List<Choice.Patch>>();
            seconds.keySet().stream().filter(o -> !o.isEmpty()).sorted().forEach(o -> options.put(o, patches));
            return options.isEmpty() ? List.of() : List.of(new Choice(CHOICE, List.of(1, 3), options));
        }

        @Override
        public void tune(Map<String, String> options) {
            option = options.getOrDefault(CHOICE, "");
        }

        void run() {
            var told = observer;
            if (told == null) {
                return;
            }
            var site = Objects.requireNonNull(seconds.get(option));
            for (var call = 0; call < 5; call++) {
                var time = call == 0 ? 1 : site / 2 * Math.max(0.1, 1 + noise * random.nextGaussian());
                told.called(
                        "loss",
                        new KernelCall("Gemm", List.of(), 1, 0, 0, 0),
                        new CallTiming(0, Math.round(time * 1e9), List.of()));
            }
        }

        @Override
        public void observe(@Nullable CallObserver other) {
            observer = other;
        }

        @Override
        public Roofline roofline() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Manifest manifest() {
            throw new UnsupportedOperationException();
        }

        @Override
        public HostTensor read(String tensor) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void write(String tensor, HostTensor value) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void write(String tensor, long from, HostTensor part) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void clearState() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Map<String, HostTensor> run(
                String entry, Map<String, HostTensor> inputs, @Nullable Collection<String> outputs) {
            throw new UnsupportedOperationException();
        }

        @Override
        public long memoryBytes() {
            return 0;
        }

        @Override
        public void close() {}
    }

    private static Tuner.Result tune(FakeProgram program) {
        return Tuner.tune(program, program::run, EFFORT);
    }

    @Test
    void picksTheFasterOfTwo() {
        var program = new FakeProgram(Map.of("", 0.010, "tall", 0.008), 0, 0);
        var result = tune(program);
        assertThat(result.options()).containsExactly(Map.entry(FakeProgram.CHOICE, "tall"));
        assertThat(result.choices()).isEqualTo(1);
        assertThat(result.seconds()).isEqualTo(0.020);
        assertThat(result.findings().getFirst().seconds()).isEqualTo(0.016);
        assertThat(result.findings().getFirst().standard()).isEqualTo(0.020);
        assertThat(program.option).as("the default again").isEmpty();
        assertThat(program.observer).isNull();
    }

    @Test
    void picksTheFastestOfMany() {
        var result = tune(new FakeProgram(Map.of("", 0.010, "a", 0.009, "b", 0.007, "c", 0.020), 0.01, 1));
        assertThat(result.options()).containsEntry(FakeProgram.CHOICE, "b");
    }

    @Test
    void keepsTheDefaultWhereItIsFastest() {
        assertThat(tune(new FakeProgram(Map.of("", 0.010, "a", 0.011, "b", 0.0099), 0, 0))
                        .options())
                .as("less than the least gain")
                .isEmpty();
    }

    @Test
    void findsNothingWhereThereIsNoChoice() {
        assertThat(tune(new FakeProgram(Map.of("", 0.01), 0, 0))).isEqualTo(new Tuner.Result(0, 0, List.of()));
    }

    @Test
    void coinsAreFair() {
        assertThat(Tuner.chance(7, 0)).isEqualTo(1, within(1e-12));
        assertThat(Tuner.chance(7, 7)).isEqualTo(1 / 128.0, within(1e-12));
        assertThat(Tuner.chance(7, 6)).isEqualTo(8 / 128.0, within(1e-12));
        assertThat(Tuner.chance(4, 2)).isEqualTo(11 / 16.0, within(1e-12));
    }

    /** Noise of 10% does not hide a way that takes two thirds of the time, and does not keep one that takes longer. */
    @Property(tries = 200)
    void noiseMakesNoWinners(@ForAll long seed, @ForAll @DoubleRange(min = 0.3, max = 0.66) double part) {
        var faster = new FakeProgram(Map.of("", 0.010, "tall", 0.010 * part), 0.1, seed);
        assertThat(tune(faster).options()).containsEntry(FakeProgram.CHOICE, "tall");
        var slower = new FakeProgram(Map.of("", 0.010, "tall", 0.010 / part), 0.1, seed);
        assertThat(tune(slower).options()).isEmpty();
    }
}
