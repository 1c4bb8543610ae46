package org.clipc.runtime.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.clipc.runtime.metrics.EventFile;
import org.clipc.runtime.metrics.JsonLinesFile;
import org.clipc.runtime.metrics.MetricsWriter;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Records a training, and every so often how well the model does on other data, in {@code metrics.jsonl} and for TensorBoard. */
public final class TrainMetrics implements TrainListener, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(TrainMetrics.class);

    /** Measures the model as it is; fractions of 1 by name. */
    @FunctionalInterface
    public interface Validation {
        Map<String, Double> measure() throws IOException;
    }

    private final Path folder;
    private final long every;
    private final boolean tensorBoard;
    private final long validateEvery;
    private final @Nullable Validation validation;
    private @Nullable MetricsWriter writer;

    /**
     * @param every steps between records
     * @param validateEvery steps between validations; the last step has one too
     * @param validation null for none
     */
    public TrainMetrics(
            Path folder, long every, boolean tensorBoard, long validateEvery, @Nullable Validation validation) {
        this.folder = folder;
        this.every = Math.max(1, every);
        this.tensorBoard = tensorBoard;
        this.validateEvery = Math.max(1, validateEvery);
        this.validation = validation;
    }

    @Override
    public void began(long step) throws IOException {
        var writers = new ArrayList<MetricsWriter>();
        writers.add(JsonLinesFile.open(folder.resolve("metrics.jsonl"), step + 1));
        if (tensorBoard) {
            writers.add(EventFile.create(folder, step + 1));
        }
        writer = MetricsWriter.all(writers);
    }

    @Override
    public void stepped(Step step) throws IOException {
        var last = step.step() == step.maxSteps();
        var scalars = new LinkedHashMap<String, Double>();
        if (step.step() % every == 0 || step.skipped() || last) {
            scalars.put("train/loss", step.loss());
            scalars.put("train/lr", step.learningRate());
            scalars.put("train/grad_norm", step.gradNorm());
            if (!Double.isNaN(step.logitScale())) {
                scalars.put("train/logit_scale", step.logitScale());
            }
            scalars.put("train/samples_per_second", step.samplesPerSecond());
            if (!Double.isNaN(step.utilization())) {
                scalars.put("train/mfu", step.utilization());
            }
            scalars.put("train/data_share", step.dataShare());
        }
        if (validation != null && (step.step() % validateEvery == 0 || last)) {
            var scores = validation.measure();
            scores.forEach((name, score) -> scalars.put("val/" + name, score));
            LOG.info("step {}: {}", step.step(), percentages(scores));
        }
        if (writer != null && !scalars.isEmpty()) {
            writer.write(step.step(), scalars);
        }
    }

    private static String percentages(Map<String, Double> scores) {
        return scores.entrySet().stream()
                .map(score -> String.format(Locale.ROOT, "%s %.2f%%", score.getKey(), 100 * score.getValue()))
                .collect(Collectors.joining(", "));
    }

    @Override
    public void close() throws IOException {
        if (writer != null) {
            writer.close();
        }
    }
}
