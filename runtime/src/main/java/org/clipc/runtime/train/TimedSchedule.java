package org.clipc.runtime.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import org.clipc.runtime.io.AtomicFile;
import org.clipc.runtime.io.DataFormatException;
import org.jspecify.annotations.Nullable;

/**
 * As many steps as fit a time, on a machine whose speed changes. The learning rate follows a curve over the number of steps
 * that was planned at first; at every checkpoint the rest of the curve is stretched over as many steps as the speed since the
 * last one allows. So training ends in time, and at the curve's end. For one rank only, since clocks differ.
 *
 * <p>A file holds the plan beside the checkpoints: training that goes on keeps to it, and to the time already spent. The
 * trainer must have it among its listeners, too.
 */
public final class TimedSchedule implements Schedule, TrainListener {

    private static final ObjectMapper JSON = JsonMapper.builder().build();

    /**
     * From here on a plan holds.
     *
     * @param step at which it was made
     * @param position on the curve there, in the steps that were planned at first
     * @param end the last step
     * @param seconds that training had taken by then
     */
    private record Part(long step, double position, long end, double seconds) {
        boolean isSound() {
            return step >= 0 && position >= 0 && end >= step && seconds >= 0;
        }

        /** How much of it is behind a step, from 0 to 1. */
        double done(long at) {
            return end == step ? 0 : (double) (at - step) / (end - step);
        }
    }

    /**
     * What the file holds.
     *
     * @param seconds for the whole training
     * @param planned steps, at first
     */
    private record Plan(double seconds, long planned, List<Part> parts) {
        boolean isSound() {
            return seconds > 0
                    && planned > 0
                    && parts != null
                    && !parts.isEmpty()
                    && parts.stream().allMatch(part -> part != null && part.isSound())
                    && parts.getFirst().step() == 0;
        }
    }

    private final Path file;
    private final LongSupplier nanoTime;
    private final LearningRate curve;
    private final double seconds;
    private final long planned;
    private final List<Part> parts;
    private long step;
    private double secondsBefore;
    private @Nullable Long start;

    private TimedSchedule(Path file, Plan plan, LongFunction<LearningRate> curve, LongSupplier nanoTime) {
        this.file = file;
        this.nanoTime = nanoTime;
        this.seconds = plan.seconds();
        this.planned = plan.planned();
        this.parts = new ArrayList<>(plan.parts());
        this.curve = curve.apply(planned);
    }

    /**
     * Begins a plan, and writes it.
     *
     * @param seconds that training may take
     * @param secondsPerStep as measured
     * @param curve the learning rate over a number of steps
     * @param nanoTime a clock as {@link System#nanoTime()}
     */
    public static TimedSchedule begin(
            Path file, double seconds, double secondsPerStep, LongFunction<LearningRate> curve, LongSupplier nanoTime)
            throws IOException {
        var planned = Math.max(1, (long) (seconds / secondsPerStep));
        var plan = new Plan(seconds, planned, List.of(new Part(0, 0, planned, 0)));
        var schedule = new TimedSchedule(file, plan, curve, nanoTime);
        schedule.write();
        return schedule;
    }

    /** The plan of a training that began earlier, if there is one. */
    public static Optional<TimedSchedule> resume(Path file, LongFunction<LearningRate> curve, LongSupplier nanoTime)
            throws IOException {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            var plan = JSON.readValue(Files.readAllBytes(file), Plan.class);
            if (plan == null || !plan.isSound()) {
                throw new DataFormatException(file.toString(), "holds no plan of steps; delete it to measure anew");
            }
            return Optional.of(new TimedSchedule(file, plan, curve, nanoTime));
        } catch (JsonProcessingException e) {
            throw new DataFormatException(
                    file.toString(),
                    "holds no plan of steps (" + e.getOriginalMessage() + "); delete it to measure anew",
                    e);
        }
    }

    @Override
    public long maxSteps() {
        return parts.getLast().end();
    }

    @Override
    public double learningRate(long step) {
        return curve.at(Math.round(position(step)));
    }

    private double position(long step) {
        var part = parts.getLast();
        return part.position() + (planned - part.position()) * part.done(step);
    }

    /** Drops what was planned after the checkpoint from which training goes on. */
    @Override
    public void began(long step) {
        while (parts.size() > 1 && parts.getLast().step() > step) {
            parts.removeLast();
        }
        this.step = step;
        var part = parts.getLast();
        secondsBefore = part.seconds() + (seconds - part.seconds()) * part.done(step);
        start = nanoTime.getAsLong();
    }

    @Override
    public void stepped(Step done) {
        step = done.step();
    }

    @Override
    public void saved(Path checkpoint) throws IOException {
        var part = parts.getLast();
        if (start == null || step <= part.step() || step >= part.end()) {
            return;
        }
        var spent = secondsBefore + (nanoTime.getAsLong() - start) * 1e-9;
        var secondsPerStep = (spent - part.seconds()) / (step - part.step());
        var left = Math.max(0, Math.round((seconds - spent) / secondsPerStep));
        parts.add(new Part(step, position(step), step + left, spent));
        write();
    }

    private void write() throws IOException {
        AtomicFile.writeString(file, JSON.writeValueAsString(new Plan(seconds, planned, parts)) + "\n");
    }
}
