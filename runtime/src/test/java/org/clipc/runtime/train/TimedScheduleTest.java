package org.clipc.runtime.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.Size;
import org.clipc.runtime.io.DataFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TimedScheduleTest {

    private static final int CHECKPOINT_EVERY = 20;

    /** A training that only lets time pass. */
    private static final class Machine {
        private final LongToDoubleFunction secondsOfStep;
        private final List<Double> rates = new ArrayList<>();
        private long nanos = 7;
        private long step;

        Machine(LongToDoubleFunction secondsOfStep) {
            this.secondsOfStep = secondsOfStep;
        }

        long nanoTime() {
            return nanos;
        }

        double seconds() {
            return (nanos - 7) * 1e-9;
        }

        /** Goes on from its step to the end, or to a step at which it is killed without a checkpoint. */
        void train(TimedSchedule schedule, long killedAt) throws IOException {
            schedule.began(step);
            while (step < Math.min(schedule.maxSteps(), killedAt)) {
                rates.add(schedule.learningRate(step));
                nanos += (long) (secondsOfStep.applyAsDouble(step) * 1e9);
                step++;
                schedule.stepped(new TrainListener.Step(
                        step, schedule.maxSteps(), 1, 0, 0, 0, Double.NaN, 1, Double.NaN, 0, false));
                if (step % CHECKPOINT_EVERY == 0) {
                    schedule.saved(Path.of("checkpoint"));
                }
            }
            if (step < killedAt && step % CHECKPOINT_EVERY != 0) {
                schedule.saved(Path.of("checkpoint"));
            }
        }
    }

    private static LearningRate cosine(long steps) {
        return new LearningRate.OpenClipCosine(1, 10, steps);
    }

    private static TimedSchedule begin(Path file, Machine machine, double seconds) throws IOException {
        return TimedSchedule.begin(file, seconds, 1, TimedScheduleTest::cosine, machine::nanoTime);
    }

    @Test
    void keepsToTheCurveAtTheMeasuredSpeed(@TempDir Path folder) throws IOException {
        var machine = new Machine(_ -> 1);
        machine.train(begin(folder.resolve("pace.json"), machine, 205), Long.MAX_VALUE);

        assertThat(machine.step).isEqualTo(205);
        var curve = cosine(205);
        for (var i = 0; i < 205; i++) {
            assertThat(machine.rates.get(i)).isEqualTo(curve.at(i));
        }
    }

    @Test
    void endsInTimeAndAtTheCurvesEndWhenTheMachineSlowsDown(@TempDir Path folder) throws IOException {
        var machine = new Machine(step -> step < 150 ? 1 : 1.6);
        machine.train(begin(folder.resolve("pace.json"), machine, 400), Long.MAX_VALUE);

        assertThat(machine.step).isCloseTo(150 + Math.round(250 / 1.6), within(8L));
        assertThat(machine.seconds()).isLessThan(402);
        assertThat(machine.rates.getLast()).isLessThan(1e-3);
        for (var i = 11; i < machine.rates.size(); i++) {
            assertThat(machine.rates.get(i)).isLessThanOrEqualTo(machine.rates.get(i - 1));
        }
    }

    /** Speeds change as they like; what a checkpoint's distance takes longer than the one before is all that it is late. */
    @Property(tries = 100)
    void isNeverLateByMoreThanFromOneCheckpointToTheNext(
            @ForAll @Size(40) List<@DoubleRange(min = 0.5, max = 2) Double> speeds) throws IOException {
        var folder = Files.createTempDirectory("pace");
        try {
            var machine = new Machine(step -> speeds.get((int) (step / CHECKPOINT_EVERY) % speeds.size()));
            machine.train(begin(folder.resolve("pace.json"), machine, 300), Long.MAX_VALUE);

            assertThat(machine.seconds()).isBetween(300 - 1.5 * CHECKPOINT_EVERY, 300 + 1.5 * CHECKPOINT_EVERY);
        } finally {
            Files.delete(folder.resolve("pace.json"));
            Files.delete(folder);
        }
    }

    @Test
    void goesOnAsItBeganAfterTheCheckpointThatIsLeft(@TempDir Path folder) throws IOException {
        var file = folder.resolve("pace.json");
        LongToDoubleFunction speed = step -> 1 + 0.01 * (step % 40);
        var whole = new Machine(speed);
        whole.train(begin(folder.resolve("whole.json"), whole, 300), Long.MAX_VALUE);
        var first = new Machine(speed);
        first.train(begin(file, first, 300), 133);
        var second = new Machine(speed);
        second.step = 120;
        second.train(
                TimedSchedule.resume(file, TimedScheduleTest::cosine, second::nanoTime)
                        .orElseThrow(),
                Long.MAX_VALUE);

        assertThat(second.step).isEqualTo(whole.step);
        assertThat(second.rates).isEqualTo(whole.rates.subList(120, whole.rates.size()));
    }

    @Test
    void forgetsWhatWasPlannedAfterTheCheckpointThatIsLeft(@TempDir Path folder) throws IOException {
        var file = folder.resolve("pace.json");
        var first = new Machine(step -> step < 60 ? 1 : 3);
        first.train(begin(file, first, 300), 110);
        var second = new Machine(_ -> 1);
        second.step = 60;
        var schedule = TimedSchedule.resume(file, TimedScheduleTest::cosine, second::nanoTime)
                .orElseThrow();
        second.train(schedule, Long.MAX_VALUE);

        assertThat(second.seconds()).isCloseTo(240, within(1.0));
    }

    @Test
    void isNotExtendedByTheLastCheckpoint(@TempDir Path folder) throws IOException {
        var file = folder.resolve("pace.json");
        var machine = new Machine(step -> step < 40 ? 1 : 0.5);
        machine.train(begin(file, machine, 50), Long.MAX_VALUE);
        var again =
                TimedSchedule.resume(file, TimedScheduleTest::cosine, () -> 0).orElseThrow();
        again.began(machine.step);

        assertThat(again.maxSteps()).isEqualTo(machine.step);
    }

    @Test
    void thereMayBeNoPlan(@TempDir Path folder) throws IOException {
        assertThat(TimedSchedule.resume(folder.resolve("pace.json"), TimedScheduleTest::cosine, System::nanoTime))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "3196",
                "null",
                "[]",
                "{}",
                "{\"seconds\":1,\"planned\":5,\"parts\":[]}",
                "{\"seconds\":1,\"planned\":5}",
                "{\"seconds\":1,\"planned\":5,\"parts\":[null]}",
                "{\"seconds\":-1,\"planned\":5,\"parts\":[{\"step\":0,\"position\":0,\"end\":5,\"seconds\":0}]}",
                "{\"seconds\":1,\"planned\":5,\"parts\":[{\"step\":6,\"position\":0,\"end\":5,\"seconds\":0}]}",
                "{\"seconds\":1,\"planned\":5,\"parts\":[{\"step\":0,\"position\":0,\"end\":5,\"seconds\":"
            })
    void namesAFileThatHoldsNoPlan(String content, @TempDir Path folder) throws IOException {
        var file = folder.resolve("pace.json");
        Files.writeString(file, content);

        assertThatThrownBy(() -> TimedSchedule.resume(file, TimedScheduleTest::cosine, System::nanoTime))
                .isInstanceOf(DataFormatException.class)
                .hasMessageStartingWith(file + ": holds no plan of steps")
                .hasMessageEndingWith("delete it to measure anew");
    }
}
