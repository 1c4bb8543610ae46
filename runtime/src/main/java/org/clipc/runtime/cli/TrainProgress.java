package org.clipc.runtime.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.clipc.runtime.train.TrainListener;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Shows how training goes: a live bar on a terminal, else a line now and then. */
final class TrainProgress implements TrainListener, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(TrainProgress.class);

    /** Weight of the newest step in the speed shown. */
    private static final double SMOOTHING = 0.1;

    private final long every;
    private final long maxSteps;
    private final @Nullable ProgressBarBuilder builder;
    private @Nullable ProgressBar bar;
    private double samplesPerSecond;
    private double utilization;
    private long skipped;

    /**
     * @param every steps between lines where there is no terminal
     * @param maxSteps {@link Long#MAX_VALUE} if training ends with the data
     */
    TrainProgress(long every, long maxSteps) {
        this(every, maxSteps, Terminal.isPresent() ? new ProgressBarBuilder() : null);
    }

    /** @param builder of the bar; null for lines */
    TrainProgress(long every, long maxSteps, @Nullable ProgressBarBuilder builder) {
        this.every = Math.max(1, every);
        this.maxSteps = maxSteps;
        this.builder = builder;
    }

    /** The bar tells the time left from the steps after those of earlier runs. */
    @Override
    public void began(long step) {
        if (builder != null) {
            bar = builder.setTaskName("training")
                    .setUnit(" steps", 1)
                    .setInitialMax(maxSteps == Long.MAX_VALUE ? -1 : maxSteps)
                    .setStyle(ProgressBarStyle.UNICODE_BLOCK)
                    .setUpdateIntervalMillis(500)
                    .startsFrom(step, Duration.ZERO)
                    .build();
        }
    }

    @Override
    public void stepped(Step step) {
        samplesPerSecond = smooth(samplesPerSecond, step.samplesPerSecond());
        utilization = smooth(utilization, step.utilization());
        skipped += step.skipped() ? 1 : 0;
        if (bar != null) {
            bar.maxHint(step.maxSteps() == Long.MAX_VALUE ? -1 : step.maxSteps());
            bar.stepTo(step.step());
            bar.setExtraMessage(String.format(
                    Locale.ROOT, "loss %.4f, %.1f samples/s%s", step.loss(), samplesPerSecond, mfu(", ")));
        } else if (step.step() % every == 0 || step.step() == step.maxSteps()) {
            LOG.info(line(step));
        }
    }

    private static double smooth(double before, double now) {
        return before == 0 ? now : before + SMOOTHING * (now - before);
    }

    private String mfu(String before) {
        return Double.isNaN(utilization) ? "" : String.format(Locale.ROOT, "%sMFU %.0f%%", before, 100 * utilization);
    }

    private String line(Step step) {
        var left = (step.maxSteps() - step.step()) / stepsPerSecond(step);
        return String.format(
                Locale.ROOT,
                "step %d%s  loss %.4f  lr %.2e  grad %.3f%s  %.1f samples/s%s  data %.0f%%%s%s",
                step.step(),
                step.maxSteps() == Long.MAX_VALUE ? "" : "/" + step.maxSteps(),
                step.loss(),
                step.learningRate(),
                step.gradNorm(),
                Double.isNaN(step.logitScale()) ? "" : String.format(Locale.ROOT, "  scale %.2f", step.logitScale()),
                samplesPerSecond,
                mfu("  "),
                100 * step.dataShare(),
                step.maxSteps() == Long.MAX_VALUE ? "" : "  " + duration(left) + " left",
                skipped == 0 ? "" : "  skipped " + skipped);
    }

    private double stepsPerSecond(Step step) {
        return samplesPerSecond / step.batch();
    }

    private static String duration(double seconds) {
        var duration = Duration.ofSeconds((long) seconds);
        return duration.toHours() > 0
                ? "%dh%02dm".formatted(duration.toHours(), duration.toMinutesPart())
                : "%dm%02ds".formatted(duration.toMinutes(), duration.toSecondsPart());
    }

    @Override
    public void saved(Path checkpoint) {
        if (bar == null) {
            LOG.info("saved {}", checkpoint);
        }
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
